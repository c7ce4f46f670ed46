// The run table: filter, columns that differ, selection.
const MOST_KEYS = 5, MOST_METRICS = 5;
let runTable = null;
let chosenColumns = null; // null: those that tell the listed runs apart

function differing(runs, keys) {
  return keys.filter((key) => new Set(runs.map((run) => JSON.stringify(configValue(run, key)))).size > 1);
}

// keys that tell runs apart, without those that nearly always follow from the experiment and the keys before
function automaticKeys(runs) {
  const main = data.keys.slice(0, data.main_keys);
  const chosen = [];
  let groups = runs.map((run) => data.runs[run].experiment);
  for (const key of differing(runs, main)) {
    if (chosen.length >= MOST_KEYS) break;
    const values = runs.map((run) => JSON.stringify(configValue(run, key)));
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

function automaticMetrics(runs) {
  const found = data.metrics.filter((name) => !name.endsWith("/images") && runs.some((run) => metricValue(run, name) !== null));
  return found.slice(0, MOST_METRICS);
}

// the value that more than half of the runs have, as JSON, or null: then none is unusual
function mostCommon(runs, key) {
  const count = new Map();
  for (const run of runs) {
    const value = JSON.stringify(configValue(run, key));
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
    { key: "experiment", label: "experiment", value: (i) => data.runs[i].experiment },
  ];
  if (statuses) columns.push({ key: "status", label: "status", value: (i) => data.runs[i].status, cell: statusCell });
  for (const key of keys) {
    const common = mostCommon(runs, key);
    columns.push({
      key: `c:${key}`, label: shortKeys[keyPlace.get(key)], title: key, value: (i) => configValue(i, key),
      numeric: runs.every((i) => ["number", "undefined"].includes(typeof configValue(i, key))),
      cell: (i, td) => differsCell(td, configValue(i, key), common),
    });
  }
  if (seeds) columns.push({ key: "seed", label: "seed", numeric: true, value: (i) => data.runs[i].seed });
  for (const name of metrics) {
    const values = runs.map((i) => metricValue(i, name)).filter((v) => v !== null);
    const low = Math.min(...values), high = Math.max(...values);
    columns.push({
      key: `m:${name}`, label: name.replace(/^test\//, ""), title: name, numeric: true, value: (i) => metricValue(i, name),
      cell: (i, td) => {
        const value = metricValue(i, name);
        td.append(shownNumber(value));
        if (value !== null && high > low) {
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

function differsCell(td, value, common) {
  td.append(shownValue(value));
  if (common === null || JSON.stringify(value) === common) return;
  td.classList.add("differs");
  td.title = `most have ${common === undefined ? "none" : common}`;
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

function startRuns() {
  let wait = 0;
  const text = el("input", { type: "search", value: state.filter, placeholder: "variant=recommended accuracy>0.8", spellcheck: "false", autocomplete: "off",
    oninput: () => {
      clearTimeout(wait);
      wait = setTimeout(() => {
        state.filter = text.value;
        try { history.replaceState(null, "", text.value ? `#q=${encodeURIComponent(text.value)}` : "#"); } catch { /* not from a file, in some browsers */ }
        refilter();
      }, 120);
    } });
  const options = (name) => [["", "all"], ...[...new Set(data.runs.map((r) => r[name]))].sort().map((v) => [v, v])];
  const wide = labelled("Filter", text);
  wide.classList.add("grow");
  const form = $("filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.append(wide);
  for (const name of ["experiment", "status"]) {
    if (options(name).length > 2) form.append(choice(name[0].toUpperCase() + name.slice(1), options(name), "", (v) => { state[name] = v; refilter(); }));
  }
  const pick = (words, act) => el("button", { type: "button", onclick: () => { act(); runTable.refresh(); state.scope = "selected"; emit("shown"); } }, words);
  form.append(columnChooser(),
    pick("Select listed", () => state.listed.forEach((i) => state.selected.add(i))),
    pick("Clear selection", () => state.selected.clear()));
  runTable = sortableTable({
    caption: "Runs", columns: runColumns(), rows: state.listed, sort: { key: "started", down: true },
    rowClass: (run) => (state.selected.has(run) ? "on" : null),
  });
  $("run-table").append(runTable.node);
  const start = /^#q=(.*)$/.exec(location.hash);
  if (start) {
    try { state.filter = text.value = decodeURIComponent(start[1]); } catch { /* no filter of ours */ }
  }
  refilter();
}
