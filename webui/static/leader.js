// Where there is no shared worker, one tab holds the stream for all (hub.js): a tab that is looked at, as no browser
// puts those to sleep. Whoever holds the lock leads; it gives it up when it is hidden or left. By plain http beyond
// this machine browsers have no locks: there each tab that is looked at has a stream of its own.
"use strict";
const winslowLead = (port) => {
  if (!navigator.locks || typeof BroadcastChannel === "undefined") { winslowHub(port); return; }
  const NAME = "winslow 1";
  const channel = new BroadcastChannel(NAME), me = `${Date.now()}-${Math.random()}`;
  const led = new Map(); // tab -> its port at the hub here, while this tab leads
  const wants = new Set(), said = {}; // what the page of this tab has said: a new leader is told it once more
  let release = null, asking = null;

  const deliver = (tab, message) => { if (tab === me) port.postMessage(message); else channel.postMessage({ to: tab, message }); };
  function take(tab, data) { // as leader
    if (!led.has(tab)) {
      const made = { postMessage: (message) => deliver(tab, message), onmessage: null };
      led.set(tab, made);
      winslowHub(made);
    }
    led.get(tab).onmessage({ data });
    if (data.gone) led.delete(tab);
  }
  const say = (data) => { if (release) take(me, data); else channel.postMessage({ from: me, data }); };
  function sayAll() {
    for (const name of wants) say({ want: name });
    for (const key of ["view", "log", "visible"]) if (key in said) say({ [key]: said[key] });
  }

  function stand() {
    if (asking) return;
    const mine = asking = new AbortController();
    navigator.locks.request(NAME, { signal: mine.signal }, () => mine.signal.aborted ? null : new Promise((done) => {
      release = done;
      sayAll();
      channel.postMessage({ leads: me });
    })).catch(() => {}); // it was not wanted any more
  }
  function resign() {
    if (!asking) return;
    asking.abort();
    asking = null;
    if (!release) return;
    for (const each of [...led.keys()]) take(each, { gone: true });
    release();
    release = null;
  }

  channel.onmessage = ({ data }) => {
    if (data.to === me) port.postMessage(data.message);
    if (data.leads) sayAll();
    if (data.from && release) take(data.from, data.data);
  };
  port.onmessage = ({ data }) => {
    if (data.want) wants.add(data.want);
    for (const key of ["view", "log", "visible"]) if (key in data) said[key] = data[key];
    say(data);
    if (data.gone) { resign(); channel.close(); port.onmessage = null; } else if ("visible" in data) { if (data.visible) stand(); else resign(); }
  };
};
