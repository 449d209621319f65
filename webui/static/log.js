// A log that follows its end, and loads more where somebody scrolls to. Every row was made by the server.
"use strict";
(() => {
  const book = document.getElementById("logbook");
  if (!book) return;
  const MOST = 6000; // rows in the page
  const EVERY = 2000; // milliseconds between two looks at a log that is not streamed
  const box = book.querySelector(".log"), list = box.querySelector(".lines"), url = book.dataset.log;
  const follow = book.querySelector(".follow"), times = book.querySelector(".times"), found = book.querySelector(".found");
  let next = book.dataset.next, atEnd = book.dataset.last === "1", live = book.dataset.live === "1";
  let stream = null, busy = false, first = Number(book.dataset.start), ours = 0;

  const made = (html) => { const t = document.createElement("template"); t.innerHTML = html; return t.content; };
  const number = (row) => (row && row.dataset.at !== "" ? Number(row.dataset.at) : null);
  const nearEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < 30;
  const fromUs = (answer) => answer.ok && answer.headers.has("Winslow-Page"); // see winslow.js
  const toEnd = () => { ours = box.scrollTop = box.scrollHeight; };
  const rows = () => list.querySelectorAll(".ln");

  const lastRow = () => { let row = list.lastElementChild; while (row && !row.dataset.at) row = row.previousElementSibling; return row; };
  const firstRow = () => { let row = list.firstElementChild; while (row && !row.dataset.at) row = row.nextElementSibling; return row; };

  async function numbers() { // of rows that came before their numbers were known
    const row = firstRow();
    if (!row || row.id) return;
    const answer = await fetch(`${url}/number?at=${row.dataset.at}`);
    if (!fromUs(answer)) return;
    let line = await answer.json();
    for (let each = row; each; each = each.nextElementSibling) {
      if (!each.dataset.at) continue;
      const link = each.querySelector(".no");
      each.id = `L${line}`; link.textContent = line; link.href = `?line=${line}#L${line}`; line += 1;
    }
  }

  function trim(top) {
    const extra = list.childElementCount - MOST;
    if (extra <= 0) return;
    for (let i = 0; i < extra; i += 1) (top ? list.firstElementChild : list.lastElementChild).remove();
    if (top) { const row = firstRow(); if (row) first = number(row); } else { disconnect(); atEnd = false; }
  }

  function append(html) {
    const stay = follow.checked;
    const none = box.querySelector(".none");
    if (none) none.remove();
    list.append(made(html));
    if (stay) { trim(true); toEnd(); } else if (list.childElementCount > 2 * MOST) { disconnect(); atEnd = false; }
    numbers();
  }

  // Streamed while a browser has a connection to spare for it (hub.js), else asked for now and then. A stream that a
  // proxy ended, as where the page's server was away, begins anew from where it was.
  let polls = null, broken = 0;
  function connect() {
    if (stream || polls || !live || !atEnd || document.hidden) return;
    polls = setTimeout(poll, window.winslowLog ? EVERY : 0);
    if (window.winslowLog) winslowLog.ask(open); else open();
  }
  function open() {
    clearTimeout(polls); polls = null;
    if (stream || !live || !atEnd || document.hidden) return;
    const mine = stream = new EventSource(`${url}?from=${next}`);
    mine.addEventListener("lines", (event) => { broken = 0; next = event.lastEventId; append(event.data); });
    mine.addEventListener("end", () => { live = false; disconnect(); });
    mine.onerror = () => {
      if (mine !== stream || mine.readyState !== EventSource.CLOSED) return;
      stream = null; broken += 1;
      polls = setTimeout(() => { polls = null; open(); }, Math.min(500 * 2 ** broken, 10000));
    };
  }
  function disconnect() {
    if (stream) stream.close();
    clearTimeout(polls);
    if (live || stream) window.winslowLog?.leave();
    stream = polls = null;
  }
  async function poll() {
    polls = null;
    if (stream || !live || !atEnd || document.hidden) return;
    const stay = follow.checked;
    atEnd = false;
    if (lastRow()) await later(); else await show("");
    atEnd = true;
    if (stay) toEnd();
    connect();
  }

  async function load(query) {
    if (busy) return null;
    busy = true;
    try {
      const answer = await fetch(`${url}/lines?${query}`);
      return fromUs(answer) ? { html: await answer.text(), head: (name) => answer.headers.get(`X-Log-${name}`) } : null;
    } finally { busy = false; }
  }

  async function earlier() {
    if (!first || follow.checked) return;
    const part = await load(`before=${first}`);
    if (!part) return;
    const height = box.scrollHeight, top = box.scrollTop;
    list.prepend(made(part.html));
    first = Number(part.head("Start"));
    if (!first) pagers(".earlier");
    box.scrollTop = top + box.scrollHeight - height;
    trim(false);
    numbers();
  }

  async function later() {
    const row = lastRow();
    if (atEnd || !row) return;
    const part = await load(`from=${row.dataset.at}`);
    if (!part) return;
    while (list.lastElementChild !== row) list.lastElementChild.remove();
    row.remove();
    list.append(made(part.html));
    next = part.head("Next"); atEnd = part.head("Last") === "1";
    if (atEnd) pagers(".later");
    const height = box.scrollHeight, top = box.scrollTop;
    trim(true);
    box.scrollTop = top + box.scrollHeight - height;
    connect();
  }

  async function show(query) {
    disconnect();
    const part = await load(query);
    if (!part) return;
    list.replaceChildren(made(part.html));
    first = Number(part.head("Start")); next = part.head("Next"); atEnd = part.head("Last") === "1";
    await numbers();
    connect();
  }

  async function goto(line) {
    follow.checked = false;
    if (!document.getElementById(`L${line}`)) await show(`line=${line}`);
    mark(line);
  }
  function mark(line) {
    for (const each of list.querySelectorAll(".here")) each.classList.remove("here");
    const row = document.getElementById(`L${line}`);
    if (!row) return;
    row.classList.add("here");
    row.scrollIntoView({ block: "center" });
  }
  const pagers = (name) => { const link = box.querySelector(name); if (link) link.parentElement.remove(); };

  let scrolled = 0;
  box.addEventListener("scroll", () => {
    if (nearEnd()) { if (!atEnd) later(); else if (live) follow.checked = true; }
    else if (box.scrollTop < scrolled) follow.checked = false;
    scrolled = box.scrollTop;
    if (box.scrollTop < 300) earlier();
  });
  book.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.matches(".end")) { event.preventDefault(); end(); }
    else if (link.matches(".earlier")) { event.preventDefault(); follow.checked = false; earlier(); }
    else if (link.matches(".later")) { event.preventDefault(); later(); }
    else if (link.matches(".jump")) { event.preventDefault(); location.hash = `L${link.dataset.line}`; }
    else if (link.matches(".no") && link.textContent) { event.preventDefault(); location.hash = `L${link.textContent}`; }
  });
  async function end() {
    follow.checked = live;
    if (!atEnd) await show("");
    toEnd();
    box.scrollIntoView({ block: "nearest" });
  }
  follow.addEventListener("change", () => { if (follow.checked) end(); });
  times.addEventListener("change", () => {
    box.classList.toggle("notimes", !times.checked);
    localStorage.setItem("log-times", times.checked ? "1" : "0");
  });
  if (localStorage.getItem("log-times") === "0") { times.checked = false; box.classList.add("notimes"); }
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  const hash = () => { const match = /^#L(\d+)$/.exec(location.hash); return match ? goto(Number(match[1])) : null; };
  addEventListener("hashchange", hash);

  let asked = null;
  book.querySelector("form.find").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (asked) asked.abort();
    asked = new AbortController();
    const query = new URLSearchParams(new FormData(event.target));
    query.set("part", "1");
    found.replaceChildren();
    found.classList.add("open");
    try {
      const answer = await fetch(`${url}/search?${query}`, { signal: asked.signal });
      if (!fromUs(answer)) return;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        text += piece.value;
        const whole = text.lastIndexOf('<div class="log hit">');
        if (whole > 0) { found.append(made(text.slice(0, whole))); text = text.slice(whole); }
      }
      found.append(made(text));
    } catch (error) { if (error.name !== "AbortError") throw error; }
  });

  if (!hash() && atEnd && !location.search) toEnd();
  numbers();
  connect();
})();
