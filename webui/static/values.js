// What a drawing shows at a place: for who points at it, touches it, or goes through it by the arrow keys.
"use strict";
(() => {
  const DRAWN = "svg[data-values]", SVG = "http://www.w3.org/2000/svg";
  let shown = null, at = 0, pointer = null, kept = -1;
  const tip = document.createElement("div"), mark = document.createElementNS(SVG, "line");
  tip.className = "told";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  mark.setAttribute("class", "mark");
  document.body.append(tip);

  const all = () => [...document.querySelectorAll(DRAWN)];
  const values = (svg) => JSON.parse(svg.dataset.values);
  const hide = () => { shown = null; tip.hidden = true; mark.remove(); };

  const show = (svg, index, aloud) => {
    const told = values(svg);
    if (!told.length) return hide();
    shown = svg;
    at = Math.min(Math.max(0, index), told.length - 1);
    const [x, text] = told[at], box = svg.viewBox.baseVal, rect = svg.getBoundingClientRect();
    for (const each of svg.querySelectorAll("title")) each.remove(); // or the browser would say something beside
    for (const [name, value] of [["x1", x], ["x2", x], ["y1", 0], ["y2", box.height]]) mark.setAttribute(name, value);
    svg.append(mark);
    tip.hidden = false;
    tip.setAttribute("aria-live", aloud ? "polite" : "off");
    tip.textContent = text;
    const middle = rect.left + (x / box.width) * rect.width - tip.offsetWidth / 2, below = rect.bottom + 4;
    tip.style.left = `${scrollX + Math.max(4, Math.min(middle, document.documentElement.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${scrollY + (below + tip.offsetHeight > innerHeight ? rect.top - tip.offsetHeight - 4 : below)}px`;
  };
  const near = (svg, clientX) => {
    const rect = svg.getBoundingClientRect(), x = ((clientX - rect.left) / rect.width) * svg.viewBox.baseVal.width;
    return values(svg).reduce((best, [place], index, told) => (Math.abs(place - x) < Math.abs(told[best][0] - x) ? index : best), 0);
  };

  const pointed = (event) => {
    const svg = event.target.closest?.(DRAWN);
    pointer = svg ? event : null;
    if (svg) show(svg, near(svg, event.clientX), false);
    else if (shown && shown !== document.activeElement) hide();
  };
  document.addEventListener("pointermove", pointed);
  document.addEventListener("pointerdown", pointed);

  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.(DRAWN) && kept < 0 && !pointer) show(event.target, Infinity, true);
  });
  document.addEventListener("focusout", (event) => { if (event.target === shown) hide(); });
  document.addEventListener("keydown", (event) => {
    const svg = document.activeElement;
    if (event.ctrlKey || event.metaKey || event.altKey || !svg?.matches(DRAWN)) return;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: Infinity }[event.key];
    if (event.key === "Escape") hide();
    else if (to !== undefined) { event.preventDefault(); show(svg, to, true); }
  });

  // A live update puts new drawings in the place of the old ones; who looks at one goes on with its successor.
  document.addEventListener("htmx:beforeSwap", () => { kept = all().indexOf(document.activeElement); });
  document.addEventListener("htmx:afterSettle", () => {
    const focused = kept >= 0 && document.activeElement === document.body ? all()[kept] : null;
    if (focused) { focused.focus({ preventScroll: true }); show(focused, at, false); }
    kept = -1;
    if (!shown || shown.isConnected) return;
    const under = pointer && document.elementFromPoint(pointer.clientX, pointer.clientY)?.closest(DRAWN);
    if (under) show(under, near(under, pointer.clientX), false); else hide();
  });
})();
