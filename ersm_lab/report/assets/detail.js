// One run in full, and the configurations of several side by side.
function rowsTable(caption, rows, heads = null) {
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${caption}, scrollable` },
    el("table", { class: "plain" }, el("caption", { class: "vh" }, caption),
      heads && el("thead", {}, el("tr", {}, heads.map((head, i) =>
        (head ? el("th", { scope: "col", class: rows[0]?.children[i]?.className || null }, head) : el("td"))))),
      el("tbody", {}, rows)));
}

const pairRow = ([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, shownValue(value)));

function openDialog(dialog, title, ...content) {
  const heading = el("h2", { id: `${dialog.id}-title` }, title);
  const close = el("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => dialog.close() }, "✕");
  dialog.replaceChildren(el("div", { class: "dialog-head" }, heading, close), ...content.filter(Boolean));
  if (!dialog.open) dialog.showModal();
  close.focus();
}

function openDetail(run) {
  const r = data.runs[run];
  const differs = new Set(data.keys);
  const config = [...Object.keys(data.constant), ...data.keys].sort();
  const summary = data.metrics.map((name) => [name, metricValue(run, name)]).filter(([, value]) => value !== null);
  const about = [["experiment", r.experiment], ["status", r.status], ["seed", r.seed], ["started", moment(r.started)],
    ["time", duration(r.seconds)], ...Object.entries(r.about)].filter(([, value]) => value !== null && value !== undefined);
  openDialog($("detail"), r.name,
    el("p", {}, el("a", { href: r.href }, "Open its folder"), " · ", el("a", { href: `${r.href}run.log` }, "log"), " · ",
      el("a", { href: `${r.href}config.yaml` }, "configuration")),
    r.error && el("p", { class: "note wrong" }, r.error),
    el("h3", {}, "Started with"), el("pre", { tabindex: 0 }, r.overrides.join("\n") || "(no overrides)"),
    el("h3", {}, "Results"), summary.length ? rowsTable("Results", summary.map(pairRow)) : el("p", { class: "muted" }, "None were recorded."),
    el("h3", {}, "About"), rowsTable("About", about.map(pairRow)),
    el("details", {}, el("summary", {}, `Configuration (${config.length} keys; those that differ between runs are marked)`),
      rowsTable("Configuration", config.filter((key) => configValue(run, key) !== undefined).map((key) => {
        const row = pairRow([key, configValue(run, key)]);
        if (differs.has(key)) row.lastChild.classList.add("differs");
        return row;
      }))));
}

const MOST_SIDE_BY_SIDE = 12;

function drawDifferences() {
  const panel = $("differences");
  if (!panel.open) return;
  const runs = shownRuns().slice(0, MOST_SIDE_BY_SIDE);
  const keys = differing(runs, data.keys);
  const place = panel.lastElementChild;
  if (runs.length < 2 || !keys.length) {
    place.replaceChildren(el("p", { class: "muted" }, runs.length < 2 ? "Show at least two runs." : "Their configurations are equal."));
    return;
  }
  const rows = keys.map((key) => {
    const common = mostCommon(runs, key);
    return el("tr", {}, el("th", { scope: "row" }, key), runs.map((run) => {
      const td = el("td");
      differsCell(td, run, key, common);
      return td;
    }));
  });
  const all = shownRuns().length;
  place.replaceChildren(
    el("p", { class: "muted" }, `${keys.length} keys differ; marked: not what most of them have.`
      + (all > runs.length ? ` The first ${runs.length} of ${all} runs.` : "")),
    rowsTable("Configuration keys that differ", rows, ["key", ...runs.map(runLabel)]));
}
