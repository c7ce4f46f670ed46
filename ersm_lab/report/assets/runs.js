// The run table: filter, columns that differ, selection.
const MOST_KEYS = 5, MOST_METRICS = 5;
let runTable = null;
let chosenColumns = null; // null: those that tell the listed runs apart

function differing(runs, keys) {
  return keys.filter((key) => runs.some((run) => configPlace(run, key) !== configPlace(runs[0], key)));
}

// keys that tell runs apart, without those that nearly always follow from the experiment and the keys before
function automaticKeys(runs) {
  const main = data.keys.slice(0, data.main_keys);
  const chosen = [];
  let groups = runs.map((run) => data.runs[run].experiment);
  for (const key of differing(runs, main)) {
    if (chosen.length >= MOST_KEYS) break;
    const values = runs.map((run) => configPlace(run, key));
    const pairs_ = new Map();
    groups.forEach((group, i) => {
      if (!pairs_.has(group)) pairs_.set(group, new Map());
      pairs_.get(group).set(values[i], (pairs_.get(group).get(values[i]) || 0) + 1);
    });
    const usual = [...pairs_.values()].reduce((sum, count) => sum + Math.max(...count.values()), 0);
    if (usual >= runs.length * 0.95) continue;
    chosen.push(key);
    groups = groups.map((group, i) => `${group}|${values[i]}`);
  }
  return chosen;
}

// what the ticked runs have comes first; of trainings before that of later evaluations; what most have
function automaticMetrics(runs) {
  const ticked = runs.filter((run) => state.selected.has(run));
  const count = (of, name) => of.reduce((n, run) => n + (metricValue(run, name) !== null), 0);
  return data.metrics.filter((name) => !name.endsWith("/images"))
    .map((name) => ({ name, later: name.includes(": "), ticked: count(ticked, name), all: count(runs, name) })).filter((found) => found.all)
    .sort((a, b) => (b.ticked > 0) - (a.ticked > 0) || a.later - b.later || b.ticked - a.ticked || b.all - a.all).slice(0, MOST_METRICS).map((found) => found.name);
}

// run -> what more than half of the runs of its experiment have, which makes other values worth marking
function commonByExperiment(runs, key) {
  const groups = new Map();
  for (const run of runs) {
    const name = data.runs[run].experiment;
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(run);
  }
  const common = new Map([...groups].map(([name, members]) => [name, mostCommon(members, key)]));
  return (run) => common.get(data.runs[run].experiment);
}

// the place of the value that more than half of the runs have, or null: then none is unusual
function mostCommon(runs, key) {
  const count = new Map();
  for (const run of runs) {
    const value = configPlace(run, key);
    count.set(value, (count.get(value) || 0) + 1);
  }
  const [value, times] = [...count].sort((a, b) => b[1] - a[1])[0] || [null, 0];
  return times * 2 > runs.length ? value : null;
}

function runColumns() {
  const runs = state.listed;
  const keys = chosenColumns ? data.keys.filter((key) => chosenColumns.has(`c:${key}`)) : automaticKeys(runs);
  const metrics = chosenColumns ? data.metrics.filter((name) => chosenColumns.has(`m:${name}`)) : automaticMetrics(runs);
  const statuses = chosenColumns || runs.some((run) => data.runs[run].status !== "finished");
  const seeds = new Set(runs.map((run) => data.runs[run].seed)).size > 1;
  const columns = [
    { key: "select", label: "shown", title: "Show in charts and pictures", value: (i) => Number(state.selected.has(i)), down: true, cell: selectCell },
    { key: "name", label: "run", head: true, value: (i) => data.runs[i].name, cell: nameCell },
  ];
  if (chosenColumns || new Set(runs.map((run) => data.runs[run].experiment)).size > 1) {
    columns.push({ key: "experiment", label: "experiment", value: (i) => data.runs[i].experiment });
  }
  if (statuses) columns.push({ key: "status", label: "status", value: (i) => data.runs[i].status, cell: statusCell });
  for (const key of keys) {
    const common = commonByExperiment(runs, key);
    columns.push({
      key: `c:${key}`, label: shortKeys[keyPlace.get(key)], title: key, value: (i) => configValue(i, key),
      numeric: runs.every((i) => ["number", "undefined"].includes(typeof configValue(i, key))),
      cell: (i, td) => differsCell(td, i, key, common(i)),
    });
  }
  if (seeds) columns.push({ key: "seed", label: "seed", numeric: true, value: (i) => data.runs[i].seed });
  for (const name of metrics) {
    const values = runs.map((i) => metricValue(i, name)).filter(Number.isFinite);
    const low = Math.min(...values), high = Math.max(...values);
    columns.push({
      key: `m:${name}`, label: name.replace(/^test\//, ""), title: name, numeric: true, value: (i) => metricValue(i, name),
      cell: (i, td) => {
        const value = metricValue(i, name);
        td.append(shownNumber(value));
        if (Number.isFinite(value) && high > low) {
          td.classList.add("bar");
          td.style.setProperty("--share", `${(100 * (value - low) / (high - low)).toFixed(1)}%`);
        }
      },
    });
  }
  columns.push(
    { key: "seconds", label: "time", numeric: true, value: (i) => data.runs[i].seconds, cell: (i, td) => td.append(duration(data.runs[i].seconds)) },
    { key: "started", label: "started", value: (i) => data.runs[i].started, cell: (i, td) => td.append(moment(data.runs[i].started)) },
  );
  return columns;
}

function selectCell(run, td) {
  const box = el("input", { type: "checkbox", checked: state.selected.has(run), "aria-label": `Show ${data.runs[run].name} in charts`,
    onchange: () => {
      if (box.checked) state.selected.add(run); else state.selected.delete(run);
      td.parentElement.classList.toggle("on", box.checked);
      state.scope = "selected";
      state.touched = state.selected.size > 0;
      emit("shown");
    } });
  td.classList.add("tick-cell");
  td.append(box);
}

function nameCell(run, td) {
  const r = data.runs[run];
  td.append(el("button", { type: "button", class: "link", onclick: () => openDetail(run) }, r.name),
    el("a", { href: r.href, class: "folder", title: "Open the folder", "aria-label": `Folder of ${r.name}` }, "↗"));
}

function statusCell(run, td) {
  const status = data.runs[run].status;
  td.append(el("span", { class: `badge ${status === "finished" ? "good" : status === "running" ? "live" : "bad"}` }, status));
}

function differsCell(td, run, key, common) {
  td.append(shownValue(configValue(run, key)));
  if (common === null || configPlace(run, key) === common) return;
  td.classList.add("differs");
  td.title = `most have ${common < 0 ? "none" : shownValue(data.values[keyPlace.get(key)][common])}`;
  td.append(hidden(" (differs)"));
}

function refilter() {
  const message = $("filter-message");
  try {
    let found = matching(state.filter);
    if (state.experiment) found = found.filter((i) => data.runs[i].experiment === state.experiment);
    if (state.status) found = found.filter((i) => data.runs[i].status === state.status);
    state.listed = found;
    message.classList.remove("wrong");
    message.textContent = `${found.length} of ${data.runs.length} runs listed`;
  } catch (error) {
    message.classList.add("wrong");
    message.textContent = error.message;
    return;
  }
  runTable.update({ rows: state.listed, columns: runColumns() });
  emit("listed");
}

function columnChooser() {
  const box = el("div", { class: "columns" });
  const chooser = el("details", { class: "chooser" }, el("summary", {}, "Columns"), box);
  const draw = () => {
    const shown = new Set(runColumns().map((column) => column.key));
    const group = (title, prefix, all, shorter) => el("fieldset", {}, el("legend", {}, title), all.map((name) =>
      tick(shorter(name), shown.has(prefix + name), (checked) => {
        chosenColumns = chosenColumns || shown;
        if (checked) chosenColumns.add(prefix + name); else chosenColumns.delete(prefix + name);
        runTable.update({ columns: runColumns() });
      })));
    box.replaceChildren(
      el("button", { type: "button", onclick: () => { chosenColumns = null; runTable.update({ columns: runColumns() }); draw(); } },
        "Those that tell the listed runs apart"),
      group("Metrics", "m:", data.metrics, (name) => name), group("Configuration that differs", "c:", data.keys, (name) => name));
  };
  chooser.addEventListener("toggle", () => chooser.open && draw());
  return chooser;
}

// a filter that means something on this page
function example() {
  const value = data.keys.length ? configValue(data.selected[0], data.keys[0]) : null;
  const key = typeof value === "string" ? `${shortKeys[0]}=${value}` : "status=finished";
  return data.metrics.length ? `${key} ${automaticMetrics(state.listed)[0] || data.metrics[0]}>0.5` : key;
}

// as long as nobody ticked runs, those that tell most about an experiment are
function openExperiment(name) {
  state.experiment = name;
  if (!state.touched) state.selected = new Set(data.selections[name] || data.selected);
  refilter();
  emit("shown");
}

function startRuns() {
  let wait = 0;
  const text = el("input", { type: "search", value: state.filter, placeholder: example(), spellcheck: "false", autocomplete: "off",
    oninput: () => {
      clearTimeout(wait);
      wait = setTimeout(() => {
        state.filter = text.value;
        try { history.replaceState(null, "", text.value ? `#q=${encodeURIComponent(text.value)}` : "#"); } catch { /* not from a file, in some browsers */ }
        refilter();
      }, 120);
    } });
  const options = (name) => {
    const count = new Map();
    for (const run of data.runs) count.set(run[name], (count.get(run[name]) || 0) + 1);
    return [["", "all"], ...[...count].sort((a, b) => compareValues(a[0], b[0])).map(([value, n]) => [value, `${value} (${n})`])];
  };
  const wide = labelled("Filter", text);
  wide.classList.add("grow");
  const form = $("filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.append(wide);
  for (const name of ["experiment", "status"]) {
    const change = name === "experiment" ? openExperiment : (value) => { state[name] = value; refilter(); };
    if (options(name).length > 2) form.append(choice(name[0].toUpperCase() + name.slice(1), options(name), "", change));
  }
  const pick = (words, act) => el("button", { type: "button", onclick: () => {
    act();
    state.touched = state.selected.size > 0;
    state.scope = "selected";
    runTable.refresh();
    emit("shown");
  } }, words);
  form.append(columnChooser(),
    pick("Select listed", () => state.listed.forEach((i) => state.selected.add(i))),
    pick("Clear selection", () => state.selected.clear()));
  runTable = sortableTable({
    caption: "Runs", columns: runColumns(), rows: state.listed, sort: { key: "select", down: true }, // then the newest, which is their order
    rowClass: (run) => (state.selected.has(run) ? "on" : null),
  });
  $("run-table").append(runTable.node);
  const start = /^#q=(.*)$/.exec(location.hash);
  if (start) {
    try { state.filter = text.value = decodeURIComponent(start[1]); } catch { /* no filter of ours */ }
  }
  refilter();
}
