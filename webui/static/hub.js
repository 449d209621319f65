// One stream of news for all tabs of a browser, which opens no more than six connections to a host: as a shared worker,
// or, where there is none, in a page of it (leader.js). It is closed while nobody looks, and opened again when it broke.
"use strict";
const winslowHub = (() => {
  const LINGERS = 5000; // milliseconds for which the stream stays open after the last tab was hidden
  const SILENT = 6000; // without a sign of life the stream is broken, whatever the browser thinks of it
  const MOST_LOGS = 2; // logs that are streamed at a time; others are asked for
  const tabs = new Map(); // port -> {view, visible, log}
  const names = new Set();
  let source = null, last = null, heard = 0, tries = 0, later = null, closing = null;

  const watched = () => [...tabs.values()].some((tab) => tab.visible);
  const tell = (message) => { for (const [port, tab] of tabs) if (tab.visible) port.postMessage(message); };
  const renew = (port, tab) => { // what a tab missed
    if (!last || !last.view || tab.view === last.view) return;
    if (tab.view !== "") for (const name of ["all", "any"]) port.postMessage({ name });
    tab.view = last.view;
  };

  function listen(name) {
    if (names.has(name)) return;
    names.add(name);
    if (source) source.addEventListener(name, () => tell({ name }));
  }
  function open() {
    clearTimeout(later);
    later = null;
    if (source || !watched()) return;
    source = new EventSource("/events");
    const mine = source;
    heard = Date.now();
    mine.addEventListener("pulse", (event) => {
      heard = Date.now(); tries = 0; last = JSON.parse(event.data);
      for (const [port, tab] of tabs) if (tab.visible) { port.postMessage({ pulse: last }); renew(port, tab); }
    });
    for (const name of names) mine.addEventListener(name, () => tell({ name }));
    mine.onerror = () => again(mine);
  }
  function again(broken) {
    if (broken !== source) return;
    close();
    tell({ down: true });
    tries += 1;
    later = setTimeout(open, Math.min(500 * 2 ** tries, 10000));
  }
  function close() { if (source) source.close(); source = last = null; }
  setInterval(() => { if (source && Date.now() - heard > SILENT) again(source); }, 1000);

  function grant() { // the first that asked
    const asking = [...tabs].filter(([, tab]) => tab.log);
    for (const [at, [port, tab]] of asking.entries())
      if (at < MOST_LOGS && !tab.granted) { tab.granted = true; port.postMessage({ log: true }); }
  }
  function seen(port, tab, visible) {
    tab.visible = visible;
    clearTimeout(closing);
    if (visible) {
      if (!source) { tries = 0; open(); }
      else if (last) { port.postMessage({ pulse: last }); renew(port, tab); }
    } else if (!watched()) closing = setTimeout(() => { if (!watched()) close(); }, LINGERS);
  }

  return (port) => {
    const tab = { view: "", visible: false, log: false, granted: false };
    tabs.set(port, tab);
    port.onmessage = ({ data }) => {
      if (data.want) listen(data.want);
      if ("view" in data) tab.view = data.view;
      if ("log" in data) { tab.log = data.log; if (!data.log) tab.granted = false; grant(); }
      if ("visible" in data) seen(port, tab, data.visible);
      if (data.gone) { tabs.delete(port); seen(port, tab, false); grant(); }
    };
  };
})();
if (typeof SharedWorkerGlobalScope !== "undefined") self.onconnect = (event) => winslowHub(event.ports[0]);
