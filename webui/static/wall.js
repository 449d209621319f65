// Renews the wall without a hand: every ten seconds, again after whatever was away, and with fresh scripts after an upgrade.
"use strict";
(() => {
  const EVERY = 10000, PATIENCE = 20000; // milliseconds
  const mine = document.documentElement.dataset.version;
  let last = Date.now(), newer = "";
  const lost = (text) => {
    const note = document.getElementById("lost");
    note.textContent = `${text} This is as of ${Math.round((Date.now() - last) / 60000)} min ago.`;
    note.hidden = false;
  };
  async function renew() {
    try {
      const answer = await fetch("/wall", { signal: AbortSignal.timeout(PATIENCE), cache: "no-store", headers: { Accept: "text/html" } });
      if (answer.status === 401 || answer.status === 403) return lost("This screen may not look any more: open the wall's address with a new token.");
      if (!answer.ok || !answer.headers.has("Winslow-Page")) return lost("Winslow does not answer.");
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const theirs = fresh.documentElement.dataset.version;
      if (theirs !== mine && theirs === newer) return location.reload(); // twice the same: it is up, and stays so
      newer = theirs;
      document.getElementById("wall").replaceWith(fresh.getElementById("wall"));
      document.title = fresh.title;
      last = Date.now();
    } catch { lost("Winslow does not answer."); }
  }
  (async () => { for (;;) { await new Promise((done) => setTimeout(done, EVERY)); await renew(); } })();
})();
