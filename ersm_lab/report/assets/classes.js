// Scores per class as bars, a group of bars per class.
const perClass = { measure: Object.keys(data.classes)[0], order: "class", all: false };
const MOST_BARS = 30;

function startClasses() {
  const section = $("classes");
  const measures = Object.keys(data.classes);
  if (!measures.length) return;
  const orders = [["class", "class"], ["low", "lowest first"], ["spread", "largest difference first"]];
  section.append(el("div", { class: "controls" },
    choice("Measure", measures.map((m) => [m, m]), perClass.measure, (v) => { perClass.measure = v; drawClasses(); }),
    choice("Order", orders, perClass.order, (v) => { perClass.order = v; drawClasses(); })), el("div", { class: "body" }));
}

function drawClasses() {
  const section = $("classes");
  const members = visibleLines().flatMap((line) => line.members);
  const measures = Object.keys(data.classes).filter((name) => members.some((run) => data.classes[name][run]));
  section.hidden = !measures.length;
  if (section.hidden) return;
  if (!measures.includes(perClass.measure)) perClass.measure = section.querySelector("select").value = measures[0];
  const runs = data.classes[perClass.measure];
  const lines = visibleLines().filter((line) => line.members.some((run) => runs[run]));
  const body = section.querySelector(".body");
  const classes = [...new Set(lines.flatMap((line) => line.members.flatMap((run) => Object.keys(runs[run] || {}))))];
  const score = (line, name) => {
    const found = line.members.map((run) => runs[run]?.[name]).filter((v) => v !== undefined);
    return found.length ? found.reduce((a, b) => a + b) / found.length : null;
  };
  let rows = classes.map((name) => ({ name, scores: lines.map((line) => score(line, name)) }));
  const there = (row) => row.scores.filter((v) => v !== null);
  if (perClass.order === "class") rows.sort((a, b) => compareValues(a.name, b.name));
  if (perClass.order === "low") rows.sort((a, b) => Math.min(...there(a)) - Math.min(...there(b)));
  if (perClass.order === "spread") rows.sort((a, b) => Math.max(...there(b)) - Math.min(...there(b)) - Math.max(...there(a)) + Math.min(...there(a)));
  const highest = Math.max(...rows.flatMap(there));
  const full = highest <= 1 ? 1 : highest;
  const count = rows.length;
  if (!perClass.all) rows = rows.slice(0, MOST_BARS);
  const items = rows.map((row) => el("li", {}, el("strong", {}, row.name), el("div", {}, row.scores.map((value, i) => {
    if (value === null) return null;
    const bar = el("span", { class: `bar-fill c${lines[i].colour}` });
    bar.style.width = `${Math.max(0, 100 * value / full).toFixed(1)}%`;
    return el("div", { class: "bar-line", title: lines[i].label }, el("span", { class: "bar-room" }, bar), el("span", { class: "bar-value" }, hidden(`${lines[i].label}: `), shownNumber(value, 3)));
  }))));
  body.replaceChildren(el("ul", { class: "bars", "aria-label": perClass.measure }, items),
    count > rows.length ? el("button", { type: "button", onclick: () => { perClass.all = true; drawClasses(); } }, `Show all ${count} classes`) : "");
}
