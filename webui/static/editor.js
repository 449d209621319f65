// The text of a pipeline in CodeMirror: fields are completed and explained by the published schema, and mistakes are
// marked where the server finds them. Without a script, or without CodeMirror, the plain text area stays as it is.
// In a shadow root CodeMirror gives its styles as constructed sheets, which the page's policy permits.
"use strict";

// -- where in a document a place is ------------------------------------------------------------------------------------
// Keys from the root, "[]" for an item of a list. By indentation and brackets, so that it works in what is not finished.
const placeIn = (before) => {
  const open = []; // {indent, key} of what is open around a line
  let flow = [], token = "", quote = "", scalar = -1, value = false;
  const drop = (indent, item) => {
    while (open.length && (open.at(-1).indent > indent || (open.at(-1).indent === indent && (!item || open.at(-1).key === "[]")))) open.pop();
  };
  const brackets = (text) => { // inside { } and [ ]
    for (let at = 0; at < text.length; at++) {
      const here = text[at], top = flow.at(-1);
      if (quote) { if (here === quote) quote = ""; else token += here; continue; }
      if (here === "#" && (at === 0 || text[at - 1] === " ")) break;
      if (here === '"' || here === "'") { if (!token.trim()) quote = here; else token += here; }
      else if (here === "{" || here === "[") { flow.push({ list: here === "[", key: null }); token = ""; }
      else if (here === "}" || here === "]") { flow.pop(); token = ""; if (!flow.length) return; }
      else if (here === ",") { if (top && !top.list) top.key = null; token = ""; }
      else if (here === ":" && top && !top.list && top.key === null && (at + 1 === text.length || text[at + 1] === " ")) { top.key = token.trim(); token = ""; }
      else token += here;
    }
  };
  const lines = before.split("\n");
  lines.forEach((line, number) => {
    const last = number === lines.length - 1;
    if (flow.length) { if (line.trim() || last) brackets(` ${line}`); return; }
    let indent = line.search(/\S/);
    if (scalar >= 0) { if (indent === -1 || indent > scalar) { value = last; return; } scalar = -1; }
    if (indent === -1) indent = line.length;
    let rest = line.slice(indent);
    if (!last && (!rest || rest[0] === "#")) return;
    for (let dash; (dash = /^-(?:\s+|$)/.exec(rest)); indent += dash[0].length, rest = rest.slice(dash[0].length)) {
      drop(indent, true);
      open.push({ indent, key: "[]" });
    }
    const found = /^(?:"([^"]*)"|'([^']*)'|([^\s#:{}[\],'"][^:#]*?))\s*:(?:\s+|$)/.exec(rest);
    if (!rest || rest[0] === "#" || found) drop(indent, false);
    else if (last && open.at(-1)?.key !== "[]") drop(indent, false);
    value = token = "";
    if (found) {
      open.push({ indent, key: found[1] ?? found[2] ?? found[3] });
      rest = rest.slice(found[0].length);
      value = true;
    }
    if (/^[|>][-+0-9]*\s*(#.*)?$/.test(rest)) scalar = line.search(/\S/);
    else if (rest[0] === "{" || rest[0] === "[") brackets(rest);
  });
  const path = open.map((each) => each.key);
  for (const each of flow) if (each.list) path.push("[]"); else if (each.key !== null) path.push(each.key);
  const top = flow.at(-1);
  return { path, value: top ? top.list || top.key !== null : Boolean(value) || scalar >= 0, scalar: scalar >= 0, row: flow.length > 0 };
};

// -- what the schema says of it --------------------------------------------------------------------------------------
const reader = (root) => {
  const plain = (node) => { // without references and alternatives: each that may stand there
    if (!node) return [];
    if (node.$ref) return plain(root.$defs[node.$ref.split("/").pop()]).map((each) => (node.description ? { ...each, description: node.description } : each));
    const parts = node.anyOf || node.oneOf || node.allOf;
    if (!parts) return [node];
    return parts.flatMap(plain).filter((each) => each.type !== "null").map((each) => (node.description ? { ...each, description: node.description } : each));
  };
  const below = (node, key) => {
    if (key === "[]") return plain(node.items);
    const named = node.properties?.[key];
    if (named) return plain(named);
    const like = Object.entries(node.patternProperties || {}).find(([pattern, what]) => pattern !== "^x-" && Object.keys(what).length && new RegExp(pattern, "u").test(key));
    return like ? plain(like[1]) : typeof node.additionalProperties === "object" ? plain(node.additionalProperties) : [];
  };
  const at = (path) => path.reduce((nodes, key) => nodes.flatMap((node) => below(node, key)), [root]);
  return { at, raw: (path) => at(path.slice(0, -1)).map((node) => node.properties?.[path.at(-1)]).find(Boolean) };
};
const kind = (nodes) => [...new Set(nodes.map((each) => each.type === "array" ? "list" : each.type === "object" ? "fields" : each.enum ? "one of" : each.type || "any"))].join(" or ");
const facts = (nodes, raw) => {
  const told = [kind(nodes)], chosen = nodes.flatMap((each) => each.enum || (each.const === undefined ? [] : [each.const]));
  if (chosen.length) told.push(chosen.slice(0, 20).join(", "));
  const least = nodes.map((each) => each.minimum ?? each.exclusiveMinimum).find((each) => each !== undefined), most = nodes.map((each) => each.maximum).find((each) => each !== undefined);
  if (least !== undefined || most !== undefined) told.push(`${least ?? "…"} to ${most ?? "…"}`);
  const usual = raw?.default;
  if (usual !== undefined && usual !== null && typeof usual !== "object" && usual !== "") told.push(`else ${usual}`);
  return told.join(" · ");
};

(() => {
  const area = document.querySelector("textarea[data-fields]"), CM = globalThis.CodeMirror;
  if (!area || !CM) return;
  const told = document.getElementById("explained");
  let schema = null;
  fetch(area.dataset.fields).then((answer) => (answer.ok ? answer.json() : null)).then((found) => { if (found) { schema = reader(found); explain(view.state); } }, () => {});

  // -- completion: fields, else values --------------------------------------------------------------------------------
  const stages = (text) => [...text.matchAll(/^\s*-\s*(?:\{\s*)?name:\s*([a-z0-9][a-z0-9._-]*)/gm)].map((each) => each[1]);
  const described = (label, nodes, raw, apply) => ({ label, apply, type: "property", detail: kind(nodes), info: nodes.find((each) => each.description)?.description || raw?.description });
  const field = (label, nodes, raw, inRow) => {
    const deep = nodes.some((each) => each.type === "object" || each.type === "array") && !nodes.some((each) => ["string", "boolean", "number", "integer"].includes(each.type));
    return described(label, nodes, raw, `${label}:${deep && !inRow ? "" : " "}`);
  };
  const complete = (context) => {
    if (!schema) return null;
    const word = context.matchBefore(/[\w.-]*/), from = word ? word.from : context.pos;
    if (from === context.pos && !context.explicit) return null;
    const place = placeIn(context.state.sliceDoc(0, from));
    if (place.scalar) return null;
    const nodes = schema.at(place.path);
    if (!place.value || place.path.at(-1) === "[]") {
      const names = nodes.flatMap((node) => Object.keys(node.properties || {}));
      if (names.length && !(place.value && place.path.at(-1) !== "[]")) {
        const options = [...new Set(names)].map((name) => field(name, schema.at([...place.path, name]), schema.raw([...place.path, name]), place.row));
        return { from, options, validFor: /^[\w-]*$/ };
      }
    }
    const values = nodes.flatMap((node) => node.enum || (node.const !== undefined ? [node.const] : node.type === "boolean" ? [true, false] : []));
    const key = place.path.filter((each) => each !== "[]").at(-1), others = key === "needs" || key === "from" || key === "stage" ? stages(context.state.doc.toString()) : [];
    const options = [...new Set([...values.map(String), ...others])].map((label) => ({ label, type: "constant" }));
    return options.length ? { from, options, validFor: /^[\w.-]*$/ } : null;
  };

  // -- what a field means, at the pointer and at the cursor --------------------------------------------------------------
  const meaning = (state, pos) => { // of the field whose name or value is at a place
    const line = state.doc.lineAt(pos), text = line.text;
    if (!schema || !text.trim()) return null;
    let end = pos - line.from;
    while (end < text.length && /[\w.-]/.test(text[end])) end++;
    const isKey = text[end] === ":";
    const { path, scalar } = placeIn(state.sliceDoc(0, line.from + (isKey ? end + 1 : end)) + (isKey ? " " : ""));
    if (scalar || !path.length) return null;
    const nodes = schema.at(path), raw = schema.raw(path);
    const words = nodes.find((each) => each.description)?.description || raw?.description;
    return words ? { name: path.filter((each) => each !== "[]").join(" › "), words, facts: facts(nodes, raw) } : null;
  };
  const explain = (state) => {
    const found = meaning(state, state.selection.main.head);
    told.textContent = found ? `${found.name}: ${found.words} (${found.facts})` : "Ctrl-Space completes; F8 goes to the next problem; Ctrl-F finds; Ctrl-] and Ctrl-[ indent.";
  };
  const hover = CM.hoverTooltip((view, pos) => {
    const found = meaning(view.state, pos), word = view.state.wordAt(pos);
    if (!found || !word) return null;
    return { pos: word.from, end: word.to, above: true, create: () => {
      const dom = document.createElement("div"), name = document.createElement("b"), words = document.createElement("p"), small = document.createElement("small");
      dom.className = "said"; name.textContent = found.name; words.textContent = found.words; small.textContent = found.facts;
      dom.append(name, words, small);
      return { dom };
    } };
  });

  // -- problems, as the server says them ----------------------------------------------------------------------------------
  const mark = () => {
    const doc = view.state.doc;
    const found = [...document.querySelectorAll("#draft [data-line]")].map((each) => {
      const line = doc.line(Math.min(Math.max(1, Number(each.dataset.line)), doc.lines));
      const from = Math.min(line.from + [...line.text].slice(0, Number(each.dataset.column) - 1).join("").length, line.to);
      const rest = /^[^\s,}\]]+/.exec(line.text.slice(from - line.from));
      return { from, to: Math.min(from + (rest ? rest[0].length : 1), doc.length), severity: "error", message: each.querySelector("span").textContent };
    });
    view.dispatch(CM.setDiagnostics(view.state, found.sort((one, other) => one.from - other.from)));
  };

  // -- the view ---------------------------------------------------------------------------------------------------------
  const host = document.createElement("div");
  host.className = "editor";
  host.style.height = `${area.offsetHeight}px`; // what stands below does not move
  area.after(host);
  const root = host.attachShadow({ mode: "open" });
  const { tags } = CM;
  const colours = CM.HighlightStyle.define([
    { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--link)" },
    { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
    { tag: [tags.comment, tags.lineComment], color: "var(--faint)", fontStyle: "italic" },
    { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--violet)" },
    { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--faint)" },
  ]);
  const box = { border: "1px solid var(--line)", borderRadius: "6px", backgroundColor: "var(--card)", color: "var(--text)", boxShadow: "var(--shade)" };
  const looks = CM.EditorView.theme({
    "&": { font: "var(--mono)", fontSize: "13px", backgroundColor: "var(--card)", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "8px", height: "100%", boxSizing: "border-box" },
    "&.cm-focused": { outline: "2px solid var(--main)", outlineOffset: "-2px" },
    ".cm-scroller": { font: "inherit", lineHeight: "1.5" },
    ".cm-content": { caretColor: "var(--text)", padding: "6px 0" },
    ".cm-cursor": { borderLeftColor: "var(--text)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--here)" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--raised) 55%, transparent)" },
    ".cm-gutters": { backgroundColor: "var(--back)", color: "var(--faint)", borderRight: "1px solid var(--line)", borderRadius: "8px 0 0 8px" },
    ".cm-tooltip": box,
    ".cm-tooltip .said, .cm-tooltip.cm-completionInfo": { padding: "6px 10px", maxWidth: "30rem", font: "13px/1.45 system-ui, sans-serif" },
    ".said p": { margin: "2px 0" }, ".said small": { color: "var(--faint)" },
    ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--main)", color: "var(--on-main)" },
    ".cm-completionDetail": { color: "var(--faint)", fontStyle: "normal" }, "li[aria-selected] .cm-completionDetail": { color: "inherit" },
    ".cm-diagnostic-error": { borderLeftColor: "var(--bad-full)" },
    ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)" },
    ".cm-panels input, .cm-panels button": { backgroundColor: "var(--card)", backgroundImage: "none", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "4px" },
    ".cm-matchingBracket": { backgroundColor: "var(--ask-back) !important" },
  });
  const copied = CM.EditorView.updateListener.of((update) => {
    if (update.docChanged) {
      area.value = update.state.doc.toString();
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (update.docChanged || update.selectionSet) explain(update.state);
  });
  const view = new CM.EditorView({
    root,
    parent: root,
    state: CM.EditorState.create({
      doc: area.value,
      extensions: [
        CM.lineNumbers(), CM.lintGutter(), CM.history(), CM.drawSelection(), CM.highlightActiveLine(), CM.bracketMatching(), CM.closeBrackets(),
        CM.highlightSelectionMatches(), CM.yaml(), CM.indentUnit.of("  "), CM.syntaxHighlighting(colours), looks, hover, copied,
        CM.autocompletion({ override: [complete], icons: false }), CM.EditorView.lineWrapping,
        CM.EditorView.contentAttributes.of({ tabindex: "0", "aria-label": "Definition", "aria-describedby": "explained", spellcheck: "false" }),
        CM.keymap.of([...CM.closeBracketsKeymap, ...CM.completionKeymap, ...CM.searchKeymap, ...CM.lintKeymap, ...CM.historyKeymap, ...CM.defaultKeymap]),
      ],
    }),
  });
  // Seen from outside, a key in a shadow root was pressed on its host: the page's own keys would take it for theirs.
  host.addEventListener("keydown", (event) => { if (!((event.ctrlKey || event.metaKey) && event.key === "k")) event.stopPropagation(); });
  area.hidden = true;
  explain(view.state);
  mark();
  document.addEventListener("htmx:afterSettle", mark);
  document.addEventListener("click", (event) => { // a problem in the list leads to its place
    const problem = event.target.closest("#draft [data-line]");
    if (!problem) return;
    const line = view.state.doc.line(Math.min(Number(problem.dataset.line), view.state.doc.lines));
    view.dispatch({ selection: { anchor: Math.min(line.from + Number(problem.dataset.column) - 1, line.to) }, scrollIntoView: true });
    view.focus();
  });
})();
