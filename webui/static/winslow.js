// Small things that need a script; without it everything can still be read.
"use strict";

// Only our own answers become part of the page: HTML that carries our mark. What something else answered (a proxy's
// login or error page, plain text) is told as text, and where one has to log in again the whole page goes there.
(() => {
  const LEFT = "winslow left", AGAIN = 60000;
  const path = (address) => new URL(address, location).pathname;
  const place = () => {
    const found = document.getElementById("answered") || document.createElement("div");
    if (!found.id) { found.id = "answered"; document.getElementById("main").prepend(found); }
    return found;
  };
  const say = (...parts) => { // it stays until what it says is not so any more: see what sets `of`
    const note = document.createElement("p");
    note.className = "note bad";
    note.setAttribute("role", "alert");
    note.append(...parts);
    delete place().dataset.of;
    if (place().textContent !== note.textContent) place().replaceChildren(note);
  };

  const typed = () => [...document.querySelectorAll("main :is(input, textarea)")].some((each) =>
    each.form?.method === "post" && (each.value !== each.defaultValue || each.checked !== each.defaultChecked));
  // Not while somebody types, and not again and again where only the whole page is let through.
  const login = () => {
    const link = document.createElement("a");
    link.href = location.href; link.target = "_blank"; link.textContent = "Log in in another tab";
    say("You have to log in again; until then nothing here is renewed. ", link, ".");
  };
  const leave = () => {
    const before = Number(sessionStorage.getItem(LEFT)) || 0;
    if (typed() || Date.now() - before < AGAIN) return login();
    sessionStorage.setItem(LEFT, Date.now());
    location.reload();
  };

  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, pathInfo } = event.detail;
    const kind = (xhr.getResponseHeader("Content-Type") || "").split(";")[0].trim().toLowerCase();
    if (kind === "text/html" && xhr.getResponseHeader("Winslow-Page")) {
      const note = document.getElementById("answered");
      if (note && xhr.status < 400 && (!note.dataset.of || note.dataset.of === path(pathInfo.requestPath))) note.remove();
      return;
    }
    event.preventDefault();
    if (xhr.status === 401 || path(xhr.responseURL) !== path(pathInfo.finalRequestPath)) return leave();
    if (kind === "text/plain" && xhr.status >= 400) say(xhr.responseText.slice(0, 500));
    else say(`Something else than Winslow answered (status ${xhr.status}); what is shown here is not renewed.`);
    place().dataset.of = path(pathInfo.requestPath); // until the same question is answered by us again
  });
  document.addEventListener("htmx:responseError", (event) => {
    place().dataset.of = path(event.detail.pathInfo.requestPath);
    place().innerHTML = event.detail.xhr.responseText;
  });
  // A login on another host is out of a script's reach: only that we would be sent somewhere can be seen.
  // Nor can it see why the stream of news is refused.
  const lost = () =>
    fetch(location.href, { redirect: "manual" }).then(
      (answer) => { if (answer.type === "opaqueredirect" || answer.status === 401) leave(); }, () => {});
  document.addEventListener("htmx:sendError", lost);
  document.addEventListener("htmx:sseError", lost);

  // A form is sent once, and only where it would arrive: what was typed stays here while the server is away, and where
  // one has to log in again, with us or with a proxy before us.
  const STILL = "/still", KEPT = "Nothing was sent, and what you typed is still here.";
  const arrives = async () => {
    try {
      const answer = await fetch(STILL, { redirect: "manual", headers: { Accept: "text/plain" } });
      if (answer.ok && answer.headers.has("Winslow-Page")) {
        document.querySelector(`#answered[data-of="${STILL}"]`)?.remove();
        return true;
      }
      if (answer.status >= 500) say(`The page's server answers with status ${answer.status}. ${KEPT}`);
      else login();
    } catch { say(`The page's server does not answer. ${KEPT}`); }
    place().dataset.of = STILL; // news that come meanwhile do not take it away
    return false;
  };
  const release = (form) => {
    delete form.dataset.sending;
    for (const each of form.querySelectorAll("button[data-was]")) { each.disabled = false; delete each.dataset.was; }
  };
  addEventListener("submit", async (event) => { // on the window: after those that keep a form back
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || !form.closest("main")) return;
    if (form.dataset.sending === "sure") { // it goes now; a second press changes nothing
      form.dataset.sending = "sent";
      setTimeout(() => { for (const each of form.querySelectorAll("button:not([disabled])")) { each.disabled = true; each.dataset.was = ""; } });
      return;
    }
    event.preventDefault();
    if (form.dataset.sending) return;
    form.dataset.sending = "asks";
    if (!await arrives()) return release(form);
    form.dataset.sending = "sure";
    if (!form.isConnected) { form.hidden = true; document.getElementById("main").append(form); } // news took its place meanwhile
    form.requestSubmit(event.submitter);
  });
  addEventListener("pageshow", (event) => { if (event.persisted) document.querySelectorAll("form[data-sending]").forEach(release); });
})();

// A section with data-keep stays as it is while somebody types in it and it still asks the same.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const here = event.detail.target, fresh = event.detail.fragment.querySelector(`#${CSS.escape(here.id)}`) || event.detail.fragment.firstElementChild;
  if (!here.dataset || here.dataset.keep === undefined || !fresh || fresh.dataset.keep !== here.dataset.keep) return;
  event.detail.shouldSwap = false;
});

// How many projects need a person stands in the title and in the icon, also of a tab that nobody looks at.
(() => {
  const told = () => {
    const place = document.getElementById("asks"), icon = document.querySelector("link[rel=icon]");
    if (!place || !icon) return;
    const count = parseInt(place.textContent, 10) || 0, title = document.title.replace(/^\(\d+\) /, ""), drawing = `/static/icon${count ? "-asks" : ""}.svg`;
    if (document.title !== (count ? `(${count}) ${title}` : title)) document.title = count ? `(${count}) ${title}` : title;
    if (icon.getAttribute("href") !== drawing) icon.setAttribute("href", drawing);
  };
  for (const event of ["htmx:oobAfterSwap", "htmx:afterSettle"]) document.addEventListener(event, told);
})();

// "5 min ago" grows older while a page stays open. As webui/views/filters.py says it.
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
  if (said) said.textContent = document.querySelectorAll("input[name=project]:checked").length || "the";
});
