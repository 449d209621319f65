// Keys: Ctrl-K finds anything, "?" shows which keys there are. A link to something that is folded up unfolds it.
"use strict";
(() => {
  const palette = document.getElementById("palette"), keys = document.getElementById("keys");
  const places = { p: "/", f: "/files", n: "/nodes", l: "/pipelines", e: "/history" };
  const options = () => [...document.querySelectorAll("#findings [role=option]")];
  const field = document.getElementById("sought");

  function open() {
    if (!palette || palette.open) return;
    palette.showModal();
    field.select();
    field.dispatchEvent(new Event("opened"));
  }
  function choose(step) {
    const found = options(), now = found.findIndex((each) => each.getAttribute("aria-selected") === "true");
    const next = found[(now + step + found.length) % found.length] || found[0];
    found.forEach((each) => each.setAttribute("aria-selected", String(each === next)));
    if (!next) return;
    next.id ||= `found-${found.indexOf(next)}`;
    field.setAttribute("aria-activedescendant", next.id);
    next.scrollIntoView({ block: "nearest" });
  }
  document.querySelector(".seek")?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  field?.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); choose(event.key === "ArrowDown" ? 1 : -1); }
    if (event.key !== "Enter") return;
    event.preventDefault();
    (document.querySelector("#findings [aria-selected=true] a") || document.querySelector("#findings [role=option] a"))?.click();
  });
  palette?.addEventListener("htmx:afterSwap", () => { field.removeAttribute("aria-activedescendant"); choose(1); });
  palette?.addEventListener("click", (event) => { if (event.target === palette || event.target.closest("a")) palette.close(); });
  keys?.addEventListener("click", (event) => { if (event.target === keys) keys.close(); });

  let before = "";
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey) { event.preventDefault(); return open(); }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, [contenteditable], dialog[open]")) return;
    const last = before;
    before = event.key;
    if (last === "g" && places[event.key]) { before = ""; location.assign(places[event.key]); }
    else if (event.key === "?") keys?.showModal();
    else if (event.key === "n" && !document.body.matches(".past, .reader")) location.assign("/new");
  });

  function unfold() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  }
  addEventListener("hashchange", unfold);
  unfold();
})();
