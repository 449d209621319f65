// Uploads: dropped or chosen files, each with a bar, speed and time left; paused, and gone on with after a restart.
"use strict";
(() => {
  const drop = document.getElementById("drop");
  if (!drop || !window.tus) return;
  const input = drop.querySelector("input"), list = drop.querySelector(".uploads");
  input.disabled = false;
  input.addEventListener("change", () => { take(input.files); input.value = ""; });
  for (const name of ["dragover", "dragenter"]) document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); take(event.dataTransfer.files); });

  const take = (files) => { for (const file of files) begin(file); };

  const size = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let at = 0;
    while (bytes >= 1024 && at < units.length - 1) { bytes /= 1024; at += 1; }
    return `${bytes >= 100 || at === 0 ? bytes.toFixed(0) : bytes.toFixed(1)} ${units[at]}`;
  };
  const left = (seconds) => seconds > 5400 ? `${(seconds / 3600).toFixed(1)} h left` : seconds > 90 ? `${Math.round(seconds / 60)} min left` : `${Math.ceil(seconds)} s left`;

  const element = (name, text) => { const made = document.createElement(name); if (text) made.textContent = text; return made; };

  const begin = (file) => {
    const row = element("li"), bar = element("progress"), said = element("span", "begins"), pause = element("button", "Pause"), stop = element("button", "Cancel");
    bar.max = 1; bar.value = 0; bar.setAttribute("aria-label", file.name);
    pause.type = stop.type = "button";
    row.append(element("strong", file.name), " ", bar, " ", said, " ", pause, " ", stop);
    list.append(row);
    const where = drop.dataset.where + file.name;
    let from = 0, since = 0;
    const upload = new tus.Upload(file, {
      endpoint: "/uploads", chunkSize: 64 * 1024 * 1024, retryDelays: [0, 1000, 3000, 10000, 30000, 60000, 60000, 60000],
      metadata: { where }, removeFingerprintOnSuccess: true, storeFingerprintForResuming: true,
      fingerprint: () => Promise.resolve(["winslow", where, file.size, file.lastModified].join("|")),
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
        said.textContent = answer ? answer.getBody().trim() : "the server does not answer";
        row.classList.add("bad"); pause.textContent = "Try again"; pause.dataset.paused = "1";
      },
      onSuccess: () => {
        bar.value = 1; said.textContent = "done"; row.classList.add("good"); pause.remove(); stop.remove();
        finished(file.name, row.dataset.digest || "");
      },
    });
    const start = () => upload.findPreviousUploads().then((found) => {
      if (found.length) upload.resumeFromPreviousUpload(found[0]);
      since = 0; row.classList.remove("bad"); upload.start();
    });
    pause.addEventListener("click", () => {
      if (pause.dataset.paused) { delete pause.dataset.paused; pause.textContent = "Pause"; start(); }
      else { upload.abort(); pause.dataset.paused = "1"; pause.textContent = "Go on"; said.textContent = "paused"; }
    });
    stop.addEventListener("click", () => upload.abort(true).finally(() => row.remove()));
    start();
  };

  const finished = (name, digest) => {
    if (drop.dataset.execution === "0") {
      fetch(location.href).then((answer) => answer.text()).then((text) => {
        const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("files");
        if (fresh) document.getElementById("files").replaceWith(fresh);
      });
      return;
    }
    const added = document.getElementById("added");
    if (!added) return;
    const path = drop.dataset.where.split("/").slice(2).join("/") + name;
    for (const each of added.querySelectorAll("li")) if (each.dataset.path === path) each.remove();
    const row = element("li"), said = element("input"), without = element("button", "Leave out");
    row.dataset.path = path;
    said.type = "hidden"; said.name = "add"; said.value = `${path}=${digest}`;
    without.type = "button";
    without.addEventListener("click", () => row.remove());
    row.append(said, "with ", element("strong", path), " ", element("code", digest.slice(7, 19)), " ", without);
    added.append(row);
  };
})();
