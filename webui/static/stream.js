// The tab's end of the stream of news (hub.js): what htmx takes for an EventSource, and what the header says of it.
"use strict";
(() => {
  const QUIET = 4000; // milliseconds without a sign of life after which the page says so
  const DEAF = 20000; // without any word of the hub, which tells of each of its own tries
  const UNANSWERED = 30000; // milliseconds after which a question without an answer has failed
  const PROTOCOL = "winslow 1"; // of hub.js: tabs of an older page go on with their own
  const tag = document.querySelector("[data-connected]");
  if (!tag) return;

  const target = new EventTarget(), wanted = new Set(), told = new Map();
  let count = 0;
  let answered = Date.now(), port = null, waiting = null, granted = null, view = tag.dataset.view || "";
  const send = (message) => { if (port) port.postMessage(message); };

  function connect() {
    if (typeof SharedWorker !== "undefined") {
      const worker = new SharedWorker("/static/hub.js", { name: PROTOCOL });
      port = worker.port;
      return begin();
    }
    const channel = new MessageChannel();
    port = channel.port1;
    const lead = () => { winslowLead(channel.port2); };
    if (typeof winslowLead === "undefined") load("/static/hub.js", () => load("/static/leader.js", lead));
    else lead(); // the page came back as it was left
    return begin();
  }
  function anew() { // the hub could not be loaded, or was ended with the page that was left
    send({ gone: true });
    connect();
    if (waiting || granted) send({ log: true });
  }
  function load(address, then) {
    const script = document.createElement("script");
    script.src = address;
    script.onload = then;
    document.head.append(script);
  }
  function begin() {
    answered = Date.now();
    port.onmessage = ({ data }) => {
      answered = Date.now();
      if (data.pulse) pulse(data.pulse);
      if (data.down) down();
      if (data.name) { told.set(data.name, ++count); target.dispatchEvent(new MessageEvent(data.name, { data: "1" })); }
      if (data.log && waiting) { const go = waiting; waiting = null; granted = true; go(); }
    };
    for (const name of wanted) send({ want: name });
    send({ view });
    send({ visible: !document.hidden });
  }
  document.addEventListener("visibilitychange", () => { heard = Date.now(); send({ visible: !document.hidden }); });
  addEventListener("pagehide", () => send({ gone: true }));
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });

  // -- for htmx ---------------------------------------------------------------------------------------------------
  class Shared {
    constructor() { this.readyState = 1; this.onerror = this.onopen = null; shared = this; connect(); }
    addEventListener(name, listener) {
      target.addEventListener(name, listener);
      if (!wanted.has(name)) { wanted.add(name); send({ want: name }); }
    }
    removeEventListener(name, listener) { target.removeEventListener(name, listener); }
    close() {}
  }
  let shared = null;
  htmx.createEventSource = () => new Shared();

  // What came while an answer was under way may be newer than that answer, and went to an element that is replaced now:
  // the one in its place asks again. (An element that stays does so by itself.)
  document.addEventListener("htmx:beforeRequest", ({ detail }) => { detail.xhr.toldBefore = count; });
  document.addEventListener("htmx:afterSettle", ({ detail, target: fresh }) => {
    const before = detail.xhr?.toldBefore;
    if (before === undefined || before === count) return;
    for (const each of [fresh, ...fresh.querySelectorAll("[hx-trigger*='sse:']")]) {
      const names = [...(each.getAttribute("hx-trigger") || "").matchAll(/sse:([^\s,]+)/g)].map(([, name]) => name);
      const late = each !== detail.target && names.find((name) => told.get(name) > before);
      if (late) htmx.trigger(each, `sse:${late}`);
    }
  });

  // A part that could not be renewed is asked for again with the next sign of life, as if it had been told only now: its
  // question was lost, took too long, or was answered by something else than Winslow.
  const unrenewed = new Set();
  document.addEventListener("htmx:configRequest", ({ detail }) => { if (detail.verb === "get") detail.timeout = UNANSWERED; });
  document.addEventListener("htmx:afterRequest", ({ detail: { elt, xhr } }) => {
    const answered = xhr.getResponseHeader("Winslow-Page") && xhr.status < 500;
    if (!answered && elt.getAttribute("hx-trigger")?.includes("sse:")) unrenewed.add(elt);
  });
  function renew() {
    for (const each of unrenewed)
      if (each.isConnected) htmx.trigger(each, /sse:([^\s,]+)/.exec(each.getAttribute("hx-trigger"))[0]);
    unrenewed.clear();
  }

  // -- for a log: `go` is called once it may be streamed, and never where too many are already -----------------------
  window.winslowLog = {
    ask(go) { if (granted) return go(); waiting = go; send({ log: true }); return undefined; },
    leave() { waiting = granted = null; send({ log: false }); },
  };

  // -- for whoever looks ------------------------------------------------------------------------------------------
  let heard = Date.now(), said = null, offline = false;
  const age = (seconds) => seconds < 60 ? `${Math.round(seconds)} s` : seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
  const since = () => (said?.age == null ? Number(tag.dataset.age || 0) + (Date.now() - loaded) / 1000 : said.age + (Date.now() - heard) / 1000);
  const loaded = Date.now();
  function show() {
    const text = offline ? `not connected: view of ${age(since())} ago` : said && said.late ? `the repository does not answer: view of ${age(since())} ago` : "live";
    if (tag.textContent.trim() === text) return;
    const place = text === "live" ? document.createTextNode(text) : document.createElement("strong");
    place.textContent = text;
    tag.replaceChildren(place);
  }
  function pulse(news) {
    heard = Date.now(); said = news; offline = false;
    tag.dataset.connected = "yes";
    show();
    renew();
    const unsent = document.getElementById("unsent");
    if (unsent && unsent.dataset.of !== news.unsent) {
      unsent.dataset.of = news.unsent;
      htmx.ajax("GET", "/unsent", { target: "#unsent", swap: "innerHTML" }).catch(() => {});
    }
  }
  function down() {
    offline = true;
    show();
    if (shared?.onerror) shared.onerror(new Event("error"));
  }
  setInterval(() => {
    if (document.hidden) { answered = Date.now(); return; }
    if (port && Date.now() - answered > DEAF) anew();
    if (Date.now() - heard > QUIET) offline = true;
    if (offline || (said && said.late)) show();
  }, 500);
})();
