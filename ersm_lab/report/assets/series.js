// What charts and pictures show: runs, or means over runs that share a setting. A line keeps its colour everywhere.
const COLOURS = 8, MOST_LINES = 40;
const DASHES = ["", "7 4", "2 3", "9 3 2 3", "12 5"];

const shownRuns = () => (state.scope === "listed" ? state.listed : [...state.selected].sort((a, b) => a - b));

// what tells a run from the others that are shown
function labels(runs) {
  const several = (name) => new Set(runs.map((i) => data.runs[i][name])).size > 1;
  const shown = { experiment: several("experiment"), seed: several("seed") };
  const text = (run) => {
    const r = data.runs[run], variant = configValue(run, "model.variant");
    return [shown.experiment && r.experiment, typeof variant === "string" && variant, shown.seed && `seed ${r.seed}`].filter(Boolean).join(", ");
  };
  const count = new Map();
  for (const run of runs) count.set(text(run), (count.get(text(run)) || 0) + 1);
  return (run) => (text(run) && count.get(text(run)) === 1 ? text(run) : [text(run), shortId(run)].filter(Boolean).join(" · "));
}
const runLabel = (run) => labels(shownRuns())(run);

let lines = null;
const shownLines = () => lines || (lines = makeLines());

function makeLines() {
  const runs = shownRuns();
  let found;
  if (state.lines === "run") {
    const label = labels(runs);
    found = runs.map((run, i) => ({ key: `run ${run}`, label: i < MOST_LINES ? label(run) : "", members: [run] }));
  } else {
    const groups = new Map();
    const several = new Set(runs.map((i) => data.runs[i].experiment)).size > 1;
    for (const run of runs) {
      const value = state.lines === "experiment" ? null : shownValue(valueOf(run, state.lines));
      const parts = [several || value === null ? data.runs[run].experiment : null, value].filter((part) => part !== null);
      const key = parts.join(" · ");
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(run);
    }
    found = [...groups].sort((a, b) => compareValues(a[0], b[0]))
      .map(([key, members]) => ({ key: `group ${key}`, name: key, label: `${key} (n = ${members.length})`, members }));
  }
  found.forEach((line, i) => Object.assign(line, {
    colour: i % COLOURS, dash: DASHES[Math.floor(i / COLOURS) % DASHES.length], off: state.hidden.has(line.key),
  }));
  return found;
}

const visibleLines = () => shownLines().slice(0, MOST_LINES).filter((line) => !line.off);

function swatch(line) {
  return svg("svg", { class: "swatch", viewBox: "0 0 26 8", "aria-hidden": "true" },
    svg("line", { x1: 1, x2: 25, y1: 4, y2: 4, class: `stroke c${line.colour}`, "stroke-dasharray": line.dash || null }));
}

function drawShown() {
  const bar = $("shown");
  const all = shownLines();
  const focused = document.activeElement && bar.contains(document.activeElement) ? document.activeElement.dataset.at : null;
  const count = (n) => `${n} run${n === 1 ? "" : "s"}`;
  const scope = choice("Show", [["selected", `selected (${count(state.selected.size)})`], ["listed", `all listed (${count(state.listed.length)})`]],
    state.scope, (value) => { state.scope = value; emit("shown"); });
  const keys = (state.scope === "listed" ? differing(state.listed, data.keys.slice(0, data.main_keys)) : data.keys.slice(0, data.main_keys)).slice(0, 20);
  if (state.lines !== "run" && state.lines !== "experiment" && state.lines !== "seed" && !keys.includes(state.lines)) keys.unshift(state.lines);
  const lines = choice("One line per", [["run", "run"], ["experiment", "experiment (mean)"], ["seed", "seed (mean)"],
    ...keys.map((key) => [key, `${shortKeys[keyPlace.get(key)]} (mean)`])], state.lines, (value) => { state.lines = value; emit("shown"); });
  scope.lastChild.dataset.at = "scope";
  lines.lastChild.dataset.at = "lines";
  const chips = all.slice(0, MOST_LINES).map((line) => el("button", {
    type: "button", class: "chip", "aria-pressed": String(!line.off), "data-at": line.key, title: "Hide or show",
    onclick: () => {
      if (line.off) state.hidden.delete(line.key); else state.hidden.add(line.key);
      emit("shown");
    },
  }, swatch(line), line.label));
  const note = !all.length ? "Tick runs in the table, or show all listed."
    : all.length > MOST_LINES ? `The first ${MOST_LINES} of ${all.length} lines: filter, or take means.` : null;
  bar.replaceChildren(el("div", { class: "controls" }, scope, lines),
    el("div", { class: "chips", role: "group", "aria-label": "Lines" }, chips), !note ? "" : el("p", { class: "muted", role: "status" }, note));
  if (focused) bar.querySelector(`[data-at="${CSS.escape(focused)}"]`)?.focus();
}

function at(points, x) {
  let low = 0, high = points.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][0] <= x) low = middle; else high = middle;
  }
  const [x0, y0] = points[low], [x1, y1] = points[high];
  return x1 === x0 ? y0 : y0 + (y1 - y0) * (x - x0) / (x1 - x0);
}

// what a line is called in a chart to which only some of its runs have something to say
const seriesLabel = (line, count) => (line.name === undefined ? line.label : `${line.name} (n = ${count})`);

// curves: [[[x, y], ...], ...] -> {points, band}: the mean over the x that all have, and one standard deviation about it;
// no points where they have none in common
function meanCurve(curves) {
  if (curves.length === 1) return { points: curves[0], band: null };
  const from = Math.max(...curves.map((c) => c[0][0])), to = Math.min(...curves.map((c) => c[c.length - 1][0]));
  const longest = curves.reduce((a, b) => (b.length > a.length ? b : a));
  const xs = longest.map(([x]) => x).filter((x) => x > from && x < to);
  const points = [], band = [];
  for (const x of from > to ? [] : [...new Set([from, ...xs, to])]) {
    const ys = curves.map((curve) => at(curve, x));
    const mean = ys.reduce((a, b) => a + b) / ys.length;
    const deviation = Math.sqrt(ys.reduce((a, y) => a + (y - mean) ** 2, 0) / (ys.length - 1));
    points.push([x, mean]);
    band.push([x, mean - deviation, mean + deviation]);
  }
  return { points, band };
}
