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

  async function look() {
    const answer = await fetch(place.dataset.usage);
    if (!answer.ok || !answer.headers.has("Winslow-Page")) return;
    const found = await answer.json();
    for (const figure of place.querySelectorAll("figure")) {
      const known = drawn.find((each) => each.figure === figure);
      const names = known ? known.names : columns(figure).filter(([key]) => found[key]);
      if (known) known.plot.setData(data(found, names));
      else if (names.length && found.time.length > 1) {
        figure.querySelector("svg").remove();
        drawn.push({ figure, names, plot: new uPlot(options(figure, names), data(found, names), figure) });
      }
    }
  }
  addEventListener("resize", () => { for (const each of drawn) each.plot.setSize({ width: each.figure.clientWidth, height: 150 }); });
  look();
  if (place.dataset.live === "1") setInterval(() => { if (!document.hidden) look(); }, 10000);
})();
