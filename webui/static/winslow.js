// Small things that need a script; without it everything can still be read.
"use strict";
document.addEventListener("htmx:responseError", (event) => {
  const text = event.detail.xhr.responseText;
  if (text) document.getElementById("main").insertAdjacentHTML("afterbegin", text);
});
