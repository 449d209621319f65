// Draws a region on a picture or a frame of a video: by mouse, by touch, or by keys alone. What it makes is the JSON in
// the text field, which can be written by hand as well.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg", VIDEO = /\.(mp4|webm)$/i;
  const LEAST = { point: 1, line: 2, box: 2, polygon: 3 }, MOST = { point: 1, box: 2 };
  const made = (tag, more = {}, ...inside) => { const one = Object.assign(document.createElement(tag), more); one.append(...inside); return one; };
  const drawn = (tag, more) => { const one = document.createElementNS(SVG, tag); for (const [key, value] of Object.entries(more)) one.setAttribute(key, value); return one; };
  const source = (field) => {
    const said = field.dataset.field && field.form?.elements[field.dataset.field]?.value.trim();
    return said ? `/raw/pool/${said.split("/").map(encodeURIComponent).join("/")}` : field.dataset.source || "";
  };

  function open(field) {
    const address = source(field), video = VIDEO.test(address), kinds = field.dataset.shapes.split(" ");
    let shapes = [], points = [], size = null, cursor = null;
    try { const before = JSON.parse(field.value || field.placeholder); if (field.value) shapes = before.shapes || []; } catch { /* what is no JSON is drawn anew */ }

    const told = made("p", { textContent: `Region ${field.dataset.region}: click to set points. With keys: arrows move the cross (Shift: ten at a time), Space sets a point, Enter ends a shape, Backspace takes back.` });
    told.setAttribute("aria-live", "polite");
    const kind = made("select", {}, ...kinds.map((each) => made("option", { textContent: each })));
    kind.setAttribute("aria-label", "Kind of shape");
    const name = made("input", { maxLength: 64, placeholder: "name", size: 12 });
    name.setAttribute("aria-label", "Name of the next shape");
    const button = (label, act, main) => { const one = made("button", { type: "button", textContent: label, className: main ? "main" : "" }); one.addEventListener("click", act); return one; };
    const picture = made(video ? "video" : "img", video ? { src: address, preload: "auto", muted: true, playsInline: true } : { src: address, alt: "" });
    const over = drawn("svg", { tabindex: "0", role: "application", "aria-label": "Picture to draw on" });
    const board = made("div", { className: "board" }, picture, over);
    const seek = made("input", { type: "range", min: 0, max: 0, step: 0.04, value: 0 });
    seek.setAttribute("aria-label", "Time in the video, seconds");
    const bar = made("div", { className: "bar" }, told, kind, name, ...(video ? [seek] : []),
      button("End shape", () => end()), button("Undo", () => undo()), button("Clear", () => { shapes = []; points = []; draw(); }),
      button("Cancel", () => dialog.close()), button("Take it", () => take(), true));
    const dialog = made("dialog", { className: "viewer region" }, bar, made("div", { className: "stage" }, board));
    dialog.setAttribute("aria-label", `Draw ${field.dataset.region}`);

    function ready(width, height) {
      if (!width || !height) return broken();
      size = [width, height]; cursor = [Math.round(width / 2), Math.round(height / 2)];
      over.setAttribute("viewBox", `0 0 ${width} ${height}`);
      board.style.aspectRatio = `${width} / ${height}`;
      board.style.maxWidth = `min(100%, calc((100vh - 9rem) * ${width / height}))`;
      draw();
      over.focus();
    }
    function broken() { told.textContent = address ? "This picture cannot be shown: it is gone, or damaged. Write the region as text." : "There is no picture yet: name the file first, or write the region as text."; }
    if (video) {
      picture.addEventListener("loadedmetadata", () => { seek.max = picture.duration || 0; picture.currentTime = 0; ready(picture.videoWidth, picture.videoHeight); });
      seek.addEventListener("input", () => { picture.currentTime = Number(seek.value); });
    } else picture.addEventListener("load", () => ready(picture.naturalWidth, picture.naturalHeight));
    picture.addEventListener("error", broken);

    function mark(shape, open) {
      const corners = shape.points.map((each) => each.join(",")).join(" ");
      if (shape.points.length === 1) return drawn("circle", { cx: shape.points[0][0], cy: shape.points[0][1], r: Math.max(...size) / 130 });
      if (shape.kind === "box") { const [[a, b], [c, d]] = shape.points; return drawn("rect", { x: Math.min(a, c), y: Math.min(b, d), width: Math.abs(c - a), height: Math.abs(d - b) }); }
      return drawn(shape.kind === "polygon" && !open ? "polygon" : "polyline", { points: corners });
    }
    function draw() {
      if (!size) return;
      const marks = shapes.filter((each) => each.points?.length).map((each) => mark(each, false));
      for (const each of shapes.filter((one) => one.name)) { const text = drawn("text", { x: each.points[0][0], y: each.points[0][1], "font-size": Math.max(...size) / 35 }); text.textContent = each.name; marks.push(text); }
      if (points.length) { const now = mark({ kind: kind.value, points }, true); now.classList.add("now"); marks.push(now); }
      const [x, y] = cursor, long = Math.max(...size) / 60;
      marks.push(drawn("path", { class: "cross", d: `M${x - long} ${y}H${x + long}M${x} ${y - long}V${y + long}` }));
      over.replaceChildren(...marks);
    }
    function set(point) {
      points.push(point);
      if (points.length === MOST[kind.value]) return end();
      return draw();
    }
    function end() {
      if (points.length >= LEAST[kind.value]) {
        shapes.push({ kind: kind.value, ...(name.value.trim() ? { name: name.value.trim() } : {}), points });
        points = []; name.value = "";
        told.textContent = `${shapes.length} ${shapes.length === 1 ? "shape" : "shapes"}: the last is a ${kind.value}.`;
      } else if (points.length) told.textContent = `A ${kind.value} has at least ${LEAST[kind.value]} points.`;
      draw();
    }
    function undo() { if (points.length) points.pop(); else points = shapes.pop()?.points.slice(0, -1) || []; draw(); }
    const clamp = ([x, y]) => [Math.min(size[0], Math.max(0, x)), Math.min(size[1], Math.max(0, y))];
    over.addEventListener("pointerdown", (event) => {
      if (!size || event.button) return;
      event.preventDefault();
      over.focus();
      const box = over.getBoundingClientRect();
      cursor = clamp([(event.clientX - box.left) / box.width * size[0], (event.clientY - box.top) / box.height * size[1]].map((each) => Math.round(each * 10) / 10));
      set([...cursor]);
    });
    over.addEventListener("keydown", (event) => {
      if (!size) return;
      const by = event.shiftKey ? 10 : 1, move = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
      const act = move ? () => { cursor = clamp([cursor[0] + move[0], cursor[1] + move[1]]); draw(); } : { " ": () => set([...cursor]), Enter: end, Backspace: undo }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    kind.addEventListener("change", () => { points = []; draw(); });
    function take() {
      end();
      const on = address.replace(/^\/raw\/(pool\/)?/, "");
      field.value = shapes.length ? JSON.stringify({ ...(on ? { on: decodeURIComponent(on) } : {}), ...(video ? { at: Math.round(picture.currentTime * 1000) / 1000 } : {}), ...(size ? { size } : {}), shapes }) : "";
      for (const each of ["input", "change"]) field.dispatchEvent(new Event(each, { bubbles: true }));
      dialog.close();
    }
    dialog.addEventListener("close", () => { dialog.remove(); field.parentElement.nextElementSibling?.querySelector?.("button")?.focus(); });
    document.body.append(dialog);
    dialog.showModal();
    if (!address) broken();
  }

  function offer() {
    for (const field of document.querySelectorAll("textarea[data-region]")) {
      if (field.dataset.offered) continue;
      field.dataset.offered = "1";
      const press = made("button", { type: "button", textContent: `Draw ${field.dataset.region} on the picture` });
      press.addEventListener("click", () => open(field));
      field.closest("label").after(made("p", { className: "draws" }, press));
    }
  }
  offer();
  document.addEventListener("htmx:afterSettle", offer);
})();
