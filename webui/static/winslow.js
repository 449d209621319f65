// Small things that need a script; without it everything can still be read.
"use strict";
document.addEventListener("htmx:responseError", (event) => {
  const text = event.detail.xhr.responseText;
  if (text) document.getElementById("main").insertAdjacentHTML("afterbegin", text);
});

// A section with data-keep stays as it is while somebody types in it and it still asks the same.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const here = event.detail.target, fresh = event.detail.fragment.querySelector(`#${CSS.escape(here.id)}`) || event.detail.fragment.firstElementChild;
  if (!here.dataset || here.dataset.keep === undefined || !fresh || fresh.dataset.keep !== here.dataset.keep) return;
  event.detail.shouldSwap = false;
});

// "5 min ago" grows older while a page stays open. As webui/filters.py says it.
(() => {
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const roughly = (seconds) => {
    let left = Math.max(0, Math.floor(seconds));
    left -= left % (left >= 86400 ? 3600 : left >= 60 ? 60 : 1);
    const parts = [];
    for (const [length, unit] of units) {
      const count = Math.floor(left / length);
      left -= count * length;
      if (count || (unit === "s" && !parts.length)) parts.push(`${count} ${unit}`);
    }
    return parts.slice(0, 2).join(" ");
  };
  const renew = () => {
    if (document.hidden) return;
    for (const each of document.querySelectorAll("time[datetime]")) {
      const then = each.textContent.endsWith(" ago") ? Date.parse(each.dateTime) : NaN;
      if (Number.isNaN(then)) continue;
      const text = `${roughly((Date.now() - then) / 1000)} ago`;
      if (each.textContent !== text) each.textContent = text;
    }
  };
  setInterval(renew, 5000);
  document.addEventListener("visibilitychange", renew);
})();

// "/" goes to the first field that finds something.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, [contenteditable]")) return;
  const found = document.querySelector("main input[type=search]");
  if (!found) return;
  event.preventDefault();
  found.focus();
  found.select();
});

// One tick for all of a group, and how many are ticked.
document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-all]");
  if (all) for (const each of all.closest("section").querySelectorAll("input[name=project]")) each.checked = all.checked;
  const said = document.getElementById("ticked");
  if (said) said.textContent = document.querySelectorAll("input[name=project]:checked").length || "those";
});
