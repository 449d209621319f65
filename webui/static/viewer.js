// Pictures at full size with their neighbours, video frame by frame. What cannot be shown says so.
"use strict";
(() => {
  const pictures = () => [...document.querySelectorAll("a[data-picture] > img")];
  let dialog = null, image = null, told = null, at = 0, scale = 1, x = 0, y = 0, back = null;

  function made() {
    dialog = document.createElement("dialog");
    dialog.className = "viewer";
    dialog.setAttribute("aria-label", "Picture");
    const bar = document.createElement("div");
    bar.className = "bar";
    told = document.createElement("p");
    told.setAttribute("aria-live", "polite");
    bar.append(told);
    for (const [label, name, act] of [["←", "the one before", () => go(-1)], ["→", "the next one", () => go(1)], ["−", "smaller", () => zoom(1 / 1.5)], ["+", "larger", () => zoom(1.5)], ["1:1", "1:1, as large as it is", () => show(image.naturalWidth / fitted())], ["Full screen", "full screen", full], ["Close", "close", () => dialog.close()]]) {
      const button = document.createElement("button");
      button.type = "button"; button.textContent = label; button.setAttribute("aria-label", name); button.addEventListener("click", act);
      bar.append(button);
    }
    const stage = document.createElement("div");
    stage.className = "stage";
    image = document.createElement("img");
    image.draggable = false;
    image.addEventListener("error", () => { told.textContent = `${image.alt}: this picture is damaged`; });
    stage.append(image);
    stage.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2); }, { passive: false });
    stage.addEventListener("pointerdown", (event) => { stage.setPointerCapture(event.pointerId); stage.dataset.drags = "1"; });
    stage.addEventListener("pointermove", (event) => { if (stage.dataset.drags) { x += event.movementX; y += event.movementY; place(); } });
    stage.addEventListener("pointerup", () => { delete stage.dataset.drags; });
    stage.addEventListener("dblclick", () => show(scale > 1 ? 1 : image.naturalWidth / fitted()));
    dialog.append(bar, stage);
    dialog.addEventListener("keydown", key);
    dialog.addEventListener("close", () => { if (document.fullscreenElement) document.exitFullscreen(); back?.focus(); });
    document.body.append(dialog);
  }
  const fitted = () => image.clientWidth || 1;
  const place = () => { image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`; };
  const show = (to) => { scale = Math.min(40, Math.max(0.2, to || 1)); if (scale <= 1) x = y = 0; place(); };
  const zoom = (by) => show(scale * by);
  const full = () => { if (document.fullscreenElement) document.exitFullscreen(); else dialog.requestFullscreen?.(); };
  function go(by) {
    const all = pictures();
    at = (at + by + all.length) % all.length;
    const one = all[at];
    image.alt = one.alt; image.src = one.parentElement.dataset.raw || one.src;
    told.textContent = all.length > 1 ? `${one.alt} (${at + 1} of ${all.length})` : one.alt;
    show(1);
  }
  function key(event) {
    const act = { ArrowLeft: () => go(-1), ArrowRight: () => go(1), "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: () => show(1), 1: () => show(image.naturalWidth / fitted()), f: full }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-picture]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (!dialog) made();
    back = link; at = pictures().indexOf(link.querySelector("img"));
    dialog.showModal();
    go(0);
  });

  // -- video --------------------------------------------------------------------------------------------------------
  function controls(video) {
    if (video.dataset.stepped) return;
    video.dataset.stepped = "1";
    const bar = document.createElement("div");
    bar.className = "bar steps";
    const clock = document.createElement("output");
    let frame = 1 / 25, before = null; // learned from the frames that were played
    if (video.requestVideoFrameCallback) {
      const learn = (now, { mediaTime }) => {
        const took = before === null ? 0 : mediaTime - before;
        if (!video.paused && took > 0.001 && took < 0.2) frame = Math.min(frame === 1 / 25 ? took : frame, took);
        before = mediaTime;
        video.requestVideoFrameCallback(learn);
      };
      video.requestVideoFrameCallback(learn);
    }
    const step = (by) => { video.pause(); video.currentTime = Math.min(video.duration || 0, Math.max(0, video.currentTime + by * frame)); };
    const button = (label, name, act) => { const made = document.createElement("button"); made.type = "button"; made.textContent = label; made.setAttribute("aria-label", name); made.addEventListener("click", act); return made; };
    const speed = document.createElement("select");
    speed.setAttribute("aria-label", "Speed");
    for (const rate of [0.1, 0.25, 0.5, 1, 1.5, 2, 4]) speed.add(new Option(`${rate}×`, rate, rate === 1, rate === 1));
    speed.addEventListener("change", () => { video.playbackRate = Number(speed.value); });
    video.addEventListener("timeupdate", () => { clock.textContent = `${video.currentTime.toFixed(3)} s`; });
    bar.append(button("‹ frame", "‹ frame back", () => step(-1)), button("frame ›", "frame › on", () => step(1)), speed, clock);
    video.addEventListener("keydown", (event) => {
      const by = { ",": -1, ".": 1 }[event.key];
      if (by) { event.preventDefault(); step(by); }
    });
    video.after(bar);
  }

  // -- what is damaged ------------------------------------------------------------------------------------------------
  function damaged(one) {
    const kind = one.tagName === "IMG" ? "picture" : "video";
    const note = document.createElement("p");
    note.className = "none damaged";
    note.textContent = `This ${kind} cannot be shown: it is damaged, was cut off, or is of a kind that this browser does not know.`;
    one.closest("figure")?.querySelector(".steps")?.remove();
    (one.closest("a[data-picture]") || one).replaceWith(note);
  }
  const shown = "main :is(figure, .exhibits) :is(img, video)";
  document.addEventListener("error", (event) => { if (event.target.matches?.(shown)) damaged(event.target); }, true);
  function look() {
    for (const one of document.querySelectorAll(shown))
      if (one.tagName === "IMG" ? one.complete && !one.naturalWidth && one.src : one.error) damaged(one);
    document.querySelectorAll("main figure video").forEach(controls);
  }
  look();
  document.addEventListener("htmx:afterSettle", look);
})();
