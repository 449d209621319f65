// Scrolling through a table of any size: only rows that are seen are asked for, and few of them are kept.
"use strict";
(() => {
  const place = document.querySelector(".windowed[data-total]");
  if (!place) return;
  const TALLEST = 8e6, CHUNK = 200, KEPT = 30; // pixels that every browser can scroll; rows of an answer; answers
  const table = place.querySelector("table"), body = table.tBodies[0], said = document.getElementById("sheet-said");
  let total = Number(place.dataset.total), whole = place.dataset.whole === "1", first = -1, wanted = null;
  const chunks = new Map(), asked = new Set();
  document.querySelector(".pager")?.remove();

  const height = Math.max(20, body.rows[0]?.offsetHeight || 26);
  const digits = String(total).length * 9 + 30; // of the largest number of a row
  const widths = [...table.tHead.rows[0].cells].map((cell, column) => Math.max(cell.offsetWidth, column ? 104 : digits));
  [...table.tHead.rows[0].cells].forEach((cell, column) => { cell.style.width = `${widths[column]}px`; }); // rows of other widths move nothing
  table.style.width = `${widths.reduce((one, other) => one + other, 0)}px`;
  table.style.tableLayout = "fixed";
  place.classList.add("scrolled");
  const tall = document.createElement("div");
  place.append(tall);
  tall.append(table);
  const seen = () => Math.max(1, Math.floor((place.clientHeight - table.tHead.offsetHeight) / height));
  const reach = () => { tall.style.height = `${Math.min(TALLEST, total * height + table.tHead.offsetHeight)}px`; };
  const last = () => Math.max(0, total - seen());
  const row = () => Math.round(place.scrollTop / Math.max(1, tall.offsetHeight - place.clientHeight) * last());

  const address = (at) => { const to = new URL(location.href); to.searchParams.set("rows", at); to.searchParams.delete("at"); return to; };
  async function ask(chunk) {
    if (asked.has(chunk)) return;
    asked.add(chunk);
    try {
      const answer = await fetch(address(chunk * CHUNK));
      if (!answer.ok || !answer.headers.has("Winslow-Page")) return;
      const found = await answer.json();
      chunks.set(chunk, found.rows);
      if (chunks.size > KEPT) chunks.delete(chunks.keys().next().value);
      if (found.total !== total || found.whole !== whole) {
        total = found.total; whole = found.whole;
        said.textContent = `${total.toLocaleString("en").replaceAll(",", " ")} rows${found.note ? ` (${found.note})` : ""}`;
        reach();
      }
      first = -1;
      draw();
    } catch { /* it is asked for again when somebody scrolls */ } finally { asked.delete(chunk); }
  }
  function draw() {
    const at = row(), count = Math.min(seen() + 1, total - at);
    if (at === first && body.rows.length) return;
    const rows = [];
    for (let n = at; n < at + count; n += 1) {
      const found = chunks.get(Math.floor(n / CHUNK));
      if (!found) { wanted = Math.floor(n / CHUNK); clearTimeout(ask.later); ask.later = setTimeout(() => ask(wanted), 60); }
      rows.push(found?.[n % CHUNK] || [n + 1]);
    }
    body.replaceChildren(...rows.map((cells, index) => {
      const line = document.createElement("tr");
      line.setAttribute("aria-rowindex", at + index + 2);
      cells.forEach((cell, column) => { const made = document.createElement("td"); made.textContent = cell; if (!column) made.className = "num"; made.title = column ? cell : ""; line.append(made); });
      return line;
    }));
    first = at;
  }
  place.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  place.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: seen(), PageUp: -seen() }[event.key];
    if (step === undefined || tall.offsetHeight < TALLEST - 1) return; // where a pixel is less than a row, keys go by rows
    event.preventDefault();
    place.scrollTop += Math.ceil(step * (tall.offsetHeight - place.clientHeight) / Math.max(1, last()) - 0.001) || step;
  });
  addEventListener("resize", () => { first = -1; draw(); });
  reach();
  const begin = Number(place.dataset.at);
  place.scrollTop = begin / Math.max(1, last()) * (tall.offsetHeight - place.clientHeight);
  draw();
  if (!whole) { const more = setInterval(() => { if (whole) clearInterval(more); else if (!document.hidden) { chunks.delete(0); ask(0); } }, 1500); }
})();
