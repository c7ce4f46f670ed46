// A line chart with bands, read by pointer or arrow keys, and its numbers in a table below.

function niceTicks(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw) || power * 10;
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++) {
    for (const m of high / low < 100 ? [1, 2, 5] : [1]) if (m * 10 ** p >= low * 0.999 && m * 10 ** p <= high * 1.001) ticks.push(Number(`${m}e${p}`));
  }
  return ticks.length > 1 ? ticks : [low, high];
}

// series: [{line, label, points, band}]; summaries: [[heading, (points) => number]]
function chart({ title, xLabel, yLabel, series, logY = false, from = null, summaries }) {
  const W = 460, H = 270, left = 52, right = 14, top = 12, bottom = 40;
  const usable = series.map((s) => ({ ...s, points: logY ? s.points.filter(([, y]) => y > 0) : s.points })).filter((s) => s.points.length);
  const figure = el("figure", { class: "chart" }, el("figcaption", {}, title));
  if (!usable.length) return fill(figure, {}, [el("p", { class: "muted" }, "Nothing to draw.")]);
  let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
  for (const { points, band } of usable) {
    for (const [x, y] of points) { x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y); }
    if (band && !logY) for (const [, a, b] of band) { y0 = Math.min(y0, a); y1 = Math.max(y1, b); }
  }
  if (from !== null && !logY) y0 = Math.min(from, y0);
  if (x0 === x1) { x0 -= 0.5; x1 += 0.5; }
  if (y0 === y1) { const half = Math.abs(y0) * 0.05 || 0.5; y0 = logY ? y0 / 1.5 : y0 - half; y1 = logY ? y1 * 1.5 : y1 + half; }
  if (!logY) { const room = (y1 - y0) * 0.04; if (from === null || y0 < from) y0 -= room; y1 += room; }
  const px = (x) => left + (x - x0) / (x1 - x0) * (W - left - right);
  const scale = logY ? Math.log10 : (v) => v;
  const py = (y) => H - bottom - (scale(y) - scale(y0)) / (scale(y1) - scale(y0)) * (H - top - bottom);
  const round = (v) => v.toFixed(1);

  const drawing = svg("svg", { viewBox: `0 0 ${W} ${H}`, "aria-hidden": "true", focusable: "false" });
  for (const y of logY ? logTicks(y0, y1) : niceTicks(y0, y1, 6)) {
    drawing.append(svg("line", { class: "grid", x1: left, x2: W - right, y1: round(py(y)), y2: round(py(y)) }),
      svg("text", { class: "tick-y", x: left - 7, y: round(py(y) + 3.5) }, shownNumber(y)));
  }
  for (const x of niceTicks(x0, x1, 6)) {
    drawing.append(svg("line", { class: "grid faint", x1: round(px(x)), x2: round(px(x)), y1: top, y2: H - bottom }),
      svg("text", { class: "tick-x", x: round(px(x)), y: H - bottom + 16 }, shownNumber(x)));
  }
  drawing.append(svg("line", { class: "axis", x1: left, x2: W - right, y1: H - bottom, y2: H - bottom }),
    svg("text", { class: "name", x: (left + W - right) / 2, y: H - 6, "text-anchor": "middle" }, xLabel),
    svg("text", { class: "name", x: -(top + H - bottom) / 2, y: 11, "text-anchor": "middle", transform: "rotate(-90)" }, yLabel));
  for (const { line, band } of usable) {
    if (!band || logY) continue;
    const there = band.map(([x, a]) => `${round(px(x))},${round(py(a))}`), back = [...band].reverse().map(([x, , b]) => `${round(px(x))},${round(py(b))}`);
    drawing.append(svg("polygon", { class: `band c${line.colour}`, points: [...there, ...back].join(" ") }));
  }
  for (const { line, points, dash } of usable) {
    drawing.append(svg("polyline", { class: `stroke c${line.colour}`, "stroke-dasharray": dash || line.dash || null,
      points: points.map(([x, y]) => `${round(px(x))},${round(py(y))}`).join(" ") }));
    if (points.length === 1) drawing.append(svg("circle", { class: `dot c${line.colour}`, cx: round(px(points[0][0])), cy: round(py(points[0][1])), r: 3 }));
  }
  const cursor = svg("g", { visibility: "hidden" });
  drawing.append(cursor);

  const tip = el("div", { class: "tip", role: "status" });
  const box = el("div", { class: "plot", tabindex: 0, role: "group",
    "aria-label": `${title}: ${yLabel} against ${xLabel}, ${usable.length} line${usable.length === 1 ? "" : "s"}. Left and right arrow keys read values.` }, drawing, tip);
  const stops = [...new Set(usable.flatMap((s) => s.points.map(([x]) => x)))].sort((a, b) => a - b);
  let stop = -1;
  function show(place) {
    stop = Math.min(Math.max(place, 0), stops.length - 1);
    const x = stops[stop];
    const read = usable.filter((s) => x >= s.points[0][0] && x <= s.points[s.points.length - 1][0])
      .map((s) => ({ ...s, y: at(s.points, x) })).sort((a, b) => b.y - a.y);
    cursor.replaceChildren(svg("line", { class: "cursor", x1: px(x), x2: px(x), y1: top, y2: H - bottom }),
      ...read.map((s) => svg("circle", { class: `dot c${s.line.colour}`, cx: px(x), cy: py(s.y), r: 3 })));
    cursor.setAttribute("visibility", "visible");
    tip.replaceChildren(el("strong", {}, `${xLabel.replace(/, %$/, "")} ${shownNumber(x)}${xLabel.endsWith("%") ? " %" : ""}`),
      ...read.slice(0, 12).map((s) => el("div", {}, swatch(s.line), el("span", {}, s.label), el("b", {}, shownNumber(s.y)))),
      read.length > 12 ? `and ${read.length - 12} more` : "");
    tip.classList.add("on");
    tip.classList.toggle("flip", px(x) > W / 2);
  }
  function hide() { stop = -1; tip.classList.remove("on"); tip.replaceChildren(); cursor.setAttribute("visibility", "hidden"); }
  box.addEventListener("pointermove", (event) => {
    const place = drawing.getBoundingClientRect();
    const x = x0 + ((event.clientX - place.left) / place.width * W - left) / (W - left - right) * (x1 - x0);
    let best = 0;
    for (let i = 1; i < stops.length; i++) if (Math.abs(stops[i] - x) < Math.abs(stops[best] - x)) best = i;
    show(best);
  });
  box.addEventListener("pointerleave", hide);
  box.addEventListener("blur", hide);
  box.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (event.key === "Escape") hide();
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(stops.length - 1);
    else if (move) show(stop < 0 ? 0 : stop + move);
    else return;
    event.preventDefault();
  });

  const columns = summaries || [["last", (p) => p[p.length - 1][1]], ["lowest", (p) => Math.min(...p.map(([, y]) => y))],
    ["highest", (p) => Math.max(...p.map(([, y]) => y))]];
  const rows = usable.map((s) => el("tr", {}, el("th", { scope: "row" }, swatch(s.line), s.label),
    columns.map(([, make]) => el("td", { class: "number" }, shownNumber(make(s.points))))));
  const numbers = el("details", { class: "numbers" }, el("summary", {}, "Numbers"));
  numbers.addEventListener("toggle", () => {
    if (numbers.open && numbers.children.length === 1) numbers.append(rowsTable(`Numbers of ${title}`, rows, ["", ...columns.map(([name]) => name)]));
  });
  return fill(figure, {}, [box, numbers]);
}
