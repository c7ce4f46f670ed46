// Learning curves, and families of curves that evaluations wrote.
const MOST_PANELS = 12;
const learning = { metrics: null, x: "step", smooth: 0, log: false };

function pairs(xs, ys) {
  const found = [];
  for (let i = 0; i < xs.length; i++) {
    const last = found[found.length - 1];
    if (last && last[0] === xs[i]) { last[1] += ys[i]; last[2] += 1; } else found.push([xs[i], ys[i], 1]);
  }
  return found.map(([x, sum, n]) => [x, sum / n]); // several values at one x, such as steps of an epoch: their mean
}

function smoothed(points, weight) {
  if (!weight) return points;
  let sum = 0, norm = 0;
  return points.map(([x, y]) => { sum = weight * sum + (1 - weight) * y; norm = weight * norm + 1 - weight; return [x, sum / norm]; });
}

function learningMetrics() {
  const runs = visibleLines().flatMap((line) => line.members);
  const found = [...new Set(runs.flatMap((run) => Object.keys(data.history[run])))];
  const rank = (name) => [/^val\/(accuracy|m?iou)/i, /^val\/loss$/, /^train\/loss$/, /^val\//, /^train\/(accuracy|m?iou)/i].findIndex((p) => p.test(name));
  return found.map((name) => [rank(name) < 0 ? 9 : rank(name), name]).sort((a, b) => a[0] - b[0] || a[1].localeCompare(b[1])).map(([, name]) => name);
}

function drawLearning() {
  const section = $("learning");
  const available = learningMetrics();
  section.hidden = !available.length;
  if (section.hidden) return;
  const wanted = (learning.metrics || available.slice(0, 3)).filter((name) => available.includes(name));
  const body = section.querySelector(".body") || section.appendChild(el("div", { class: "body" }));
  const controls = section.querySelector(".controls") || section.insertBefore(el("div", { class: "controls" }), body);
  if (!controls.children.length) {
    const smooth = el("input", { type: "range", min: 0, max: 0.95, step: 0.05, value: learning.smooth,
      oninput: () => { learning.smooth = Number(smooth.value); drawLearning(); } });
    controls.append(choice("Against", [["step", "step"], ["epoch", "epoch"]], learning.x, (v) => { learning.x = v; drawLearning(); }),
      labelled("Smoothing", smooth), tick("Log scale", learning.log, (v) => { learning.log = v; drawLearning(); }),
      el("details", { class: "chooser" }, el("summary", {}, "Metrics"), el("div", { class: "columns" })));
  }
  const chooser = controls.querySelector(".columns");
  const signature = available.join("\n");
  if (chooser.dataset.of !== signature) {
    chooser.dataset.of = signature;
    chooser.replaceChildren(el("fieldset", {}, el("legend", {}, "Metrics"), available.map((name) => tick(name, wanted.includes(name), (checked) => {
      const now = new Set(learning.metrics || available.slice(0, 3));
      if (checked) now.add(name); else now.delete(name);
      learning.metrics = learningMetrics().filter((metric) => now.has(metric));
      drawLearning();
    }))));
  }
  const charts = wanted.slice(0, MOST_PANELS).map((name) => {
    const series = visibleLines().map((line) => {
      const curves = line.members.map((run) => data.history[run][name]).filter(Boolean).map(([steps, epochs, ys]) =>
        smoothed(pairs(data.lists[learning.x === "step" ? steps : epochs], ys), learning.smooth));
      return curves.length ? { line, label: seriesLabel(line, curves.length), ...meanCurve(curves) } : null;
    }).filter(Boolean);
    return chart({ title: name, xLabel: learning.x, yLabel: name.split("/").pop().replaceAll("_", " "), series, logY: learning.log });
  });
  body.replaceChildren(charts.length ? el("div", { class: "charts" }, charts) : el("p", { class: "muted" }, "No metric is ticked."));
}

const area = (points) => {
  let sum = 0;
  for (let i = 1; i < points.length; i++) sum += (points[i][0] - points[i - 1][0]) * (points[i][1] + points[i - 1][1]) / 2;
  return sum / (points[points.length - 1][0] - points[0][0]);
};

function startFamilies() {
  for (const family of data.families) {
    const id = `family-${family.table}`;
    const section = el("section", { id, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, family.title), el("p", { class: "muted" }, family.help));
    const all = family.runs.flat();
    const values = (facet) => [...new Set(all.map((curve) => curve[1][facet]))];
    const sources = [...new Set(all.map((curve) => curve[0]))];
    const ys = [...new Set(all.map((curve) => curve[2]))];
    const chosen = { source: "", y: ys[0], picks: {} };
    const controls = el("div", { class: "controls" });
    const body = el("div", { class: "body" });
    const redraw = () => drawFamily(family, chosen, body);
    if (sources.length > 1) controls.append(choice("Written by", [["", "whatever there is"], ...sources.map((s) => [s, s])], "", (v) => { chosen.source = v; redraw(); }));
    if (ys.length > 1) controls.append(choice("Value", ys.map((y) => [y, family.ys[y]]), chosen.y, (v) => { chosen.y = v; redraw(); }));
    for (const facet of family.picks) {
      const prefer = (family.prefer[facet] || []).filter((value) => value === "*" || values(facet).includes(value));
      const own = prefer.length > 1 ? [["own", prefer.join(", else ")]] : [];
      chosen.picks[facet] = own.length ? "own" : prefer[0] || values(facet)[0];
      chosen[facet] = prefer;
      controls.append(choice(facet[0].toUpperCase() + facet.slice(1), [...own, ...values(facet).map((v) => [v, v.replaceAll("_", " ")]), ["*", "all"]],
        chosen.picks[facet], (v) => { chosen.picks[facet] = v; redraw(); }));
    }
    if (controls.children.length) section.append(controls);
    section.append(body);
    $("families").append(section);
    on("shown", redraw);
    redraw();
  }
}

// curves of one run that the menus leave
function chosenCurves(family, chosen, run) {
  let curves = family.runs[run].filter((curve) => curve[2] === chosen.y && (!chosen.source || curve[0] === chosen.source));
  if (!chosen.source && curves.length) curves = curves.filter((curve) => curve[0] === curves[curves.length - 1][0]); // one evaluation, not several in one line
  for (const [facet, value] of Object.entries(chosen.picks)) {
    if (value === "*") continue;
    const wanted = value === "own" ? chosen[facet].find((v) => curves.some((curve) => curve[1][facet] === v)) : value;
    curves = curves.filter((curve) => curve[1][facet] === wanted);
  }
  return curves;
}

function drawFamily(family, chosen, body) {
  const lines = visibleLines();
  const panels = new Map();
  lines.forEach((line) => {
    const byName = new Map();
    for (const run of line.members) {
      for (const [, facets, , xs, ys] of chosenCurves(family, chosen, run)) {
        const panel = family.panels.map((facet) => facets[facet]).join(", ") || family.title;
        const extra = Object.entries(chosen.picks).filter(([, value]) => value === "*").map(([facet]) => facets[facet]);
        const name = JSON.stringify([panel, extra.join(", ")]);
        if (!byName.has(name)) byName.set(name, []);
        const scale = family.x_label.endsWith("%") ? 100 : 1;
        byName.get(name).push(data.lists[xs].map((x, i) => [scale * x, 100 * ys[i]]));
      }
    }
    [...byName].forEach(([name, curves]) => {
      const [panel, extra] = JSON.parse(name);
      if (!panels.has(panel)) panels.set(panel, []);
      panels.get(panel).push({ line, extra, label: seriesLabel(line, curves.length), ...meanCurve(curves) });
    });
  });
  const extras = [...new Set([...panels.values()].flat().map((s) => s.extra))];
  body.closest("section").hidden = !lines.some((line) => line.members.some((run) => family.runs[run].length));
  const charts = [...panels].slice(0, MOST_PANELS).map(([panel, found]) => {
    const single = lines.length === 1;
    const series = found.slice(0, 60).map((s) => {
      const place = extras.indexOf(s.extra);
      // of one run, settings get the colours; of several, dashes
      const line = extras.length > 1 && single ? { ...s.line, colour: place % COLOURS, dash: DASHES[Math.floor(place / COLOURS) % DASHES.length] }
        : extras.length > 1 ? { ...s.line, dash: DASHES[place % DASHES.length] } : s.line;
      return { ...s, line, label: s.extra ? (single ? s.extra : `${s.label}, ${s.extra}`) : s.label };
    });
    return chart({ title: panel.replaceAll("_", " "), xLabel: family.x_label, yLabel: `${family.ys[chosen.y]}, %`, series, from: 0,
      summaries: [["first", (p) => p[0][1]], ["last", (p) => p[p.length - 1][1]], ["area", area]] });
  });
  body.replaceChildren(charts.length ? el("div", { class: "charts" }, charts) : el("p", { class: "muted" }, "None of the runs shown has such curves: see the menus."));
}
