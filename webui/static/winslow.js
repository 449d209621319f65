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
