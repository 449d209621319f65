// Uploads: dropped or chosen files, each with a bar, speed and time left; paused, and gone on with after a restart.
// A place for them is a `.drop`: `data-where` says where they go, `data-fills` which field then names the file.
"use strict";
(() => {
  if (!window.tus) return;
  const running = new Set();
  const SMALLEST = 256 * 1024; // bytes of a piece; a proxy that takes less than that takes no uploads
  const begun = (root) => {
    for (const drop of root.querySelectorAll(".drop")) {
      const input = drop.querySelector("input[type=file]");
      if (!input.disabled) continue;
      input.disabled = false;
      input.addEventListener("change", () => { take(drop, input.files); input.value = ""; });
    }
  };
  const take = (drop, files) => { for (const file of drop.dataset.fills ? [...files].slice(0, 1) : files) begin(drop, file); };

  // What is dropped goes where it is dropped; beside every place, to the only one.
  const under = (event) => {
    const all = document.querySelectorAll(".drop");
    return event.target.closest?.(".drop") || (all.length === 1 ? all[0] : null);
  };
  const over = (drop) => { for (const each of document.querySelectorAll(".drop")) each.classList.toggle("over", each === drop); };
  for (const name of ["dragover", "dragenter"]) document.addEventListener(name, (event) => { event.preventDefault(); over(under(event)); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(null); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(null);
    const drop = under(event);
    if (drop) take(drop, event.dataTransfer.files);
  });
  addEventListener("beforeunload", (event) => { if (running.size) event.preventDefault(); });

  const size = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let at = 0;
    while (bytes >= 1024 && at < units.length - 1) { bytes /= 1024; at += 1; }
    return `${bytes >= 100 || at === 0 ? bytes.toFixed(0) : bytes.toFixed(1)} ${units[at]}`;
  };
  const left = (seconds) => seconds > 5400 ? `${(seconds / 3600).toFixed(1)} h left` : seconds > 90 ? `${Math.round(seconds / 60)} min left` : `${Math.ceil(seconds)} s left`;

  const element = (name, text) => { const made = document.createElement(name); if (text) made.textContent = text; return made; };

  const begin = (drop, file) => {
    const list = document.querySelector(drop.dataset.list || ".uploads"), folder = drop.querySelector(".folder")?.value.trim().replace(/^\/+|\/+$/g, "");
    const row = element("li"), bar = element("progress"), said = element("span", "begins"), pause = element("button", "Pause"), stop = element("button", "Cancel");
    bar.max = 1; bar.value = 0; bar.setAttribute("aria-label", file.name);
    pause.type = stop.type = "button";
    row.append(element("strong", file.name), " ", bar, " ", said, " ", pause, " ", stop);
    list.append(row);
    const where = drop.dataset.where + (folder ? `${folder}/` : "") + file.name;
    let from = 0, since = 0, piece = 64 * 1024 * 1024;
    const tooLarge = (error) => error.originalResponse?.getStatus() === 413 && !error.originalResponse.getHeader("Tus-Resumable") && piece > SMALLEST;
    const upload = new tus.Upload(file, {
      endpoint: "/uploads", chunkSize: piece, retryDelays: [0, 1000, 3000, 10000, 30000, 60000, 60000, 60000],
      metadata: { where }, removeFingerprintOnSuccess: true, storeFingerprintForResuming: true,
      fingerprint: () => Promise.resolve(["winslow", where, file.size, file.lastModified].join("|")),
      onShouldRetry: (error) => { // a name that is taken stays so; only in an upload that has begun 409 passes
        const status = error.originalResponse?.getStatus() ?? 0;
        return status < 400 || status >= 500 || status === 423 || (status === 409 && error.originalRequest.getMethod() !== "POST");
      },
      onProgress: (done, total) => {
        const now = performance.now() / 1000;
        if (!since) { since = now; from = done; }
        const speed = (done - from) / Math.max(now - since, 0.001);
        bar.value = total ? done / total : 1;
        said.textContent = `${size(done)} of ${size(total)}` + (now - since > 1 ? `, ${size(speed)}/s, ${left((total - done) / Math.max(speed, 1))}` : "");
      },
      onAfterResponse: (request, response) => { const digest = response.getHeader("Winslow-Digest"); if (digest) row.dataset.digest = digest; },
      onError: (error) => {
        const answer = error.originalResponse;
        if (tooLarge(error)) { // a proxy takes no such pieces
          piece = Math.max(SMALLEST, piece / 8);
          upload.options.chunkSize = piece;
          return start();
        }
        const ours = answer && (answer.getHeader("Content-Type") || "").startsWith("text/plain");
        said.textContent = ours ? answer.getBody().trim() : answer ? `something before the page refused it (status ${answer.getStatus()})` : "the server does not answer";
        row.classList.add("bad"); pause.textContent = "Try again"; pause.dataset.paused = "1";
        ended(row);
      },
      onSuccess: () => {
        bar.value = 1; said.textContent = "done"; row.classList.add("good"); pause.remove(); stop.remove();
        finished(drop, where, row.dataset.digest || "");
        ended(row, true);
      },
    });
    const start = () => {
      running.add(row);
      upload.findPreviousUploads().then((found) => {
        if (found.length) upload.resumeFromPreviousUpload(found[0]);
        since = 0; row.classList.remove("bad"); upload.start();
      });
    };
    pause.addEventListener("click", () => {
      if (pause.dataset.paused) { delete pause.dataset.paused; pause.textContent = "Pause"; start(); }
      else { upload.abort(); ended(row); pause.dataset.paused = "1"; pause.textContent = "Go on"; said.textContent = "paused"; }
    });
    stop.addEventListener("click", () => upload.abort(true).finally(() => { row.remove(); ended(row); }));
    start();
  };

  // A form that names what is still on its way is sent once all of it is there.
  let waits = null;
  const told = (text) => { const said = document.getElementById("waits"); if (said) said.textContent = text; };
  const ended = (row, well = false) => {
    running.delete(row);
    if (waits && !well) { waits = null; told(""); }
    if (waits && !running.size) waits.requestSubmit();
  };
  document.addEventListener("submit", (event) => {
    if (!running.size || !event.target.querySelector(".drop[data-fills]")) return;
    event.preventDefault();
    waits = event.target;
    told("It is made as soon as the upload is done.");
  });

  const finished = (drop, where, digest) => {
    if (drop.dataset.fills) {
      const field = document.getElementsByName(drop.dataset.fills)[0];
      if (field) field.value = where.slice(drop.dataset.where.length);
      return;
    }
    if (drop.dataset.execution === "0") {
      fetch(location.href).then((answer) => answer.text()).then((text) => {
        const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("files");
        if (fresh) document.getElementById("files").replaceWith(fresh);
      });
      return;
    }
    const added = document.getElementById("added");
    if (!added) return;
    const path = where.split("/").slice(2).join("/");
    for (const each of added.querySelectorAll("li")) if (each.dataset.path === path) each.remove();
    const row = element("li"), said = element("input"), without = element("button", "Leave out");
    row.dataset.path = path;
    said.type = "hidden"; said.name = "add"; said.value = `${path}=${digest}`;
    without.type = "button";
    without.addEventListener("click", () => row.remove());
    row.append(said, "with ", element("strong", path), " ", element("code", digest.slice(7, 19)), " ", without);
    added.append(row);
  };

  begun(document);
  document.addEventListener("htmx:load", (event) => begun(event.detail.elt));
})();
