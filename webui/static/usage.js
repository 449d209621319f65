// Draws what an execution used with uPlot, in place of the drawings that the server made.
"use strict";
(() => {
  const place = document.getElementById("usage");
  if (!place || typeof uPlot === "undefined") return;
  const drawn = [];
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const bytes = (value) => {
    let unit = 0;
    for (; Math.abs(value) >= 1024 && unit < 4; unit += 1) value /= 1024;
    return `${value >= 100 || unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
  };
  const shown = (unit) => (value) => (value == null ? "–" : unit === "B" ? bytes(value) : `${value.toFixed(value < 10 ? 1 : 0)} %`);

  function options(figure, names) {
    const unit = figure.dataset.unit, top = Number(figure.dataset.top), axis = { stroke: style("--faint"), grid: { stroke: style("--line") }, ticks: { stroke: style("--line") } };
    return {
      width: figure.clientWidth, height: 150, cursor: { y: false }, legend: { live: true },
      scales: { y: { range: (plot, low, high) => [0, top || (high > 0 ? high * 1.05 : 1)] } },
      axes: [axis, { ...axis, size: 64, values: (plot, values) => values.map(shown(unit)) }],
      series: [{}, ...names.map(([, label], index) => ({ label, stroke: style(index ? "--ask" : "--busy"), width: 1.5, value: (plot, value) => shown(unit)(value), spanGaps: true }))],
    };
  }
  const columns = (figure) => figure.dataset.columns.split(",").map((each) => each.split(":"));
  const data = (found, names) => [found.time, ...names.map(([key]) => found[key] || found.time.map(() => null))];

  // As values.js does it for drawings of the server: by touch and by the arrow keys, told by the legend.
  function reachable(plot, figure) {
    const to = (index) => {
      const last = plot.data[0].length - 1, at = Math.min(Math.max(0, index), last);
      plot.setCursor({ left: plot.valToPos(plot.data[0][at], "x"), top: 0 });
    };
    plot.over.tabIndex = 0;
    plot.over.setAttribute("role", "img");
    plot.over.setAttribute("aria-label", `${figure.querySelector("figcaption").textContent}: arrow keys show the values`);
    plot.over.addEventListener("focus", () => {
      plot.root.querySelector(".u-legend").setAttribute("aria-live", "polite");
      if (plot.cursor.idx == null) to(Infinity);
    });
    plot.over.addEventListener("keydown", (event) => {
      const now = plot.cursor.idx ?? Infinity, next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: Infinity }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      to(next);
    });
    for (const kind of ["pointerdown", "pointermove"]) plot.over.addEventListener(kind, (event) => {
      if (event.pointerType === "touch") plot.setCursor({ left: event.clientX - plot.over.getBoundingClientRect().left, top: 0 });
    });
    return to;
  }

  async function look() {
    const answer = await fetch(place.dataset.usage);
    if (!answer.ok || !answer.headers.has("Winslow-Page")) return;
    const found = await answer.json();
    for (const figure of place.querySelectorAll("figure")) {
      const known = drawn.find((each) => each.figure === figure);
      const names = known ? known.names : columns(figure).filter(([key]) => found[key]);
      if (known) {
        const at = known.plot.cursor.idx;
        known.plot.setData(data(found, names));
        if (at != null) setTimeout(known.to, 0, at); // whoever reads a value goes on reading it
      }
      else if (names.length && found.time.length > 1) {
        figure.querySelector("svg").remove();
        const plot = new uPlot(options(figure, names), data(found, names), figure);
        drawn.push({ figure, names, plot, to: reachable(plot, figure) });
      }
    }
  }
  addEventListener("resize", () => { for (const each of drawn) each.plot.setSize({ width: each.figure.clientWidth, height: 150 }); });
  look();
  if (place.dataset.live === "1") setInterval(() => { if (!document.hidden) look(); }, 10000);
})();
