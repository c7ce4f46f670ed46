// Data, small helpers, and the page's state. Text reaches the page as text nodes only, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
// a key may be called "constructor": nothing is inherited
for (const found of [data.constant, data.selections, ...data.history, ...Object.values(data.classes).flat()]) {
  if (found) Object.setPrototypeOf(found, null);
}
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected") node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(2)) {
    if (child !== null && child !== undefined && child !== false) {
      node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
  }
  return node;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const hidden = (text) => el("span", { class: "vh" }, text);

let names = 0;
const unique = (prefix) => `${prefix}-${++names}`;

function labelled(text, control) {
  control.id = control.id || unique("field");
  return el("div", { class: "field" }, el("label", { for: control.id }, text), control);
}

function choice(text, options, value, change) {
  const list = el("select", { onchange: () => change(list.value) },
    options.map(([key, label]) => el("option", { value: key }, label)));
  list.value = value;
  return labelled(text, list);
}

function tick(text, checked, change) {
  const box = el("input", { type: "checkbox", checked, onchange: () => change(box.checked) });
  return el("label", { class: "tick" }, box, el("span", {}, text));
}

function shownNumber(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  const text = size >= 1e6 || (size < 1e-3 && size > 0) ? Number(value.toPrecision(digits)).toExponential() : String(Number(value.toPrecision(digits)));
  return text.replace("e+", "e").replaceAll("-", "−");
}

function shownValue(value) {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? shownNumber(value, 6) : String(value);
}

function duration(seconds) {
  if (typeof seconds !== "number") return "–";
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

const moment = (text) => (text ? String(text).slice(0, 16).replace("T", " ") : "–");

// the shortest ends of dotted or slashed names that tell them apart
function shortNames(all) {
  const parts = all.map((name) => name.split(/(?<=[./])/));
  const ends = (take) => parts.map((part) => part.slice(-take).join(""));
  return all.map((name, place) => {
    for (let take = 1; take < parts[place].length; take++) {
      const end = ends(take)[place];
      if (ends(take).filter((other, i) => other === end || all[i].endsWith(end)).length === 1) return end;
    }
    return name;
  });
}

const state = {
  filter: "", experiment: "", status: "",
  listed: data.runs.map((_, i) => i),
  selected: new Set(data.selected),
  touched: false, // whether somebody ticked runs: then no menu does
  scope: "selected", lines: "run", hidden: new Set(),
};
const listeners = {};
const on = (event, run) => (listeners[event] = listeners[event] || []).push(run);
function emit(event) {
  lines = null; // made anew, once for all that draw them
  (listeners[event] || []).forEach((run) => run());
}

const configValue = (run, key) => {
  const place = keyPlace.get(key);
  if (place === undefined) return data.constant[key];
  const at = data.runs[run].config[place];
  return at < 0 ? undefined : data.values[place][at];
};
// a number for the value of one of data.keys: equal numbers, equal values
const configPlace = (run, key) => data.runs[run].config[keyPlace.get(key)];
const keyPlace = new Map(data.keys.map((key, i) => [key, i]));
const metricPlace = new Map(data.metrics.map((name, i) => [name, i]));
const ODD = { nan: NaN, inf: Infinity, "-inf": -Infinity }; // numbers that JSON does not know
function metricValue(run, name) {
  const value = data.runs[run].summary[metricPlace.get(name)];
  return typeof value === "string" ? ODD[value] : value;
}
const shortKeys = shortNames(data.keys);
const shortId = (run) => data.runs[run].name.split("-").pop();

function setTheme(theme) {
  const root = document.documentElement;
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  $("theme").replaceChildren(el("span", { "aria-hidden": "true" }, "◐ "), hidden("Theme: "), theme);
  try { localStorage.setItem("ersm-lab-theme", theme); } catch { /* a page from a file may have no storage */ }
}
function startTheme() {
  let theme = "auto";
  try { theme = localStorage.getItem("ersm-lab-theme") || "auto"; } catch { /* as above */ }
  const themes = ["auto", "light", "dark"];
  if (!themes.includes(theme)) theme = "auto";
  setTheme(theme);
  $("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % 3];
    setTheme(theme);
  });
}
