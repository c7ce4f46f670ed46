// Tables, claims and comparisons that lie beside the runs.
function cellText(cell, column, most) {
  if (!cell || cell.mean === null || cell.mean === undefined) return cell && cell.state === "missing" ? "missing" : "–";
  return cell.mean.toFixed(column.digits) + (cell.std ? ` ± ${cell.std.toFixed(column.digits)}` : "")
    + (cell.n === most ? "" : ` (n = ${cell.n})`);
}

// no digit that the paper does not print
function reportedText(item) {
  return item ? String(item.value) + (item.mark || "") : "";
}

// the paper's figures stand right of ours; where none is known for a table, one column of them stays empty
function tableRow(table, row, paired) {
  const most = Math.max(0, ...row.cells.map((cell) => (cell ? cell.n : 0)));
  const cells = row.cells.flatMap((cell, i) => {
    const text = row.built ? cellText(cell, table.columns[i], most) : "";
    const kind = cell && cell.best ? "strong" : "span";
    const ours = el("td", { class: "number" }, el(kind, { class: text === "missing" ? "wrong" : null }, text));
    return table.columns[i].reported ? [ours, el("td", { class: "number muted" }, reportedText(row.reported[i]))] : [ours];
  });
  const count = !row.built ? "" : table.seeds === null || table.seeds === most ? `${most}` : `${most} of ${table.seeds}`;
  return el("tr", {}, el("th", { scope: "row" }, row.label), cells, paired ? null : el("td"), el("td", { class: "number" }, count));
}

const signed = (value) => (typeof value === "number" ? `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(2)}` : "–");

function verdictBadge(text) {
  const said = String(text).toLowerCase();
  const kind = /^(holds|higher|better|non-inferior)/.test(said) ? "good" : /^(fails|lower|not shown|worse|missing)/.test(said) ? "bad" : "live";
  return el("span", { class: `badge ${kind}` }, String(text));
}

function startTables() {
  const section = $("tables");
  section.hidden = !data.tables.length;
  for (const table of data.tables) {
    const paired = table.columns.some((column) => column.reported);
    const heads = ["", ...table.columns.flatMap((column) => (column.reported ? [column.label, "reported"] : [column.label])), ...(paired ? [] : ["reported"]), "n"];
    const rows = table.rows.map((row) => tableRow(table, row, paired));
    section.append(el("article", {}, el("h3", {}, table.title),
      el("p", { class: "muted" }, `${table.experiment || ""}${table.split ? `, ${table.split} split` : ""}: mean ± standard deviation over seeds, best in bold. `, el("a", { href: table.href, "aria-label": `Files of ${table.title}` }, "Files")),
      table.missing.length ? el("p", { class: "note wrong" }, `Incomplete: ${table.missing.join("; ")}`) : null,
      rowsTable(table.title, rows, heads),
      paired ? table.daggers.map((line) => el("p", { class: "muted" }, line)) : el("p", { class: "muted" }, "No published figure is known for these rows."),
      table.note && el("p", {}, table.note),
      table.comparisons.length ? el("details", { open: true }, el("summary", {}, "Differences, 95 % intervals"), rowsTable(`Differences of ${table.title}`,
        table.comparisons.map((c) => el("tr", {}, el("th", { scope: "row" }, c.what), el("td", {}, c.label), el("td", { class: "number" }, signed(c.estimate)),
          el("td", { class: "number" }, c.low === null ? "–" : `${signed(c.low)} to ${signed(c.high)}`), el("td", {}, verdictBadge(c.verdict)))),
        ["difference", "in", "estimate", "interval", "verdict"])) : null));
  }
}

function startClaims() {
  const section = $("claims");
  section.hidden = !data.claims.length;
  if (section.hidden) return;
  const keys = [...new Set(data.claims.flatMap((claim) => Object.keys(claim)))];
  const columns = keys.map((key, i) => ({
    key, label: key.replaceAll("_", " "), head: i === 0, value: (claim) => claim[key],
    numeric: data.claims.every((claim) => ["number", "undefined"].includes(typeof claim[key]) || claim[key] === null),
    cell: (claim, td) => td.append(/verdict/.test(key) && claim[key] ? verdictBadge(claim[key]) : shownValue(claim[key])),
  }));
  section.append(sortableTable({ caption: "Claims", columns, rows: data.claims }).node);
}

function startComparisons() {
  const section = $("comparisons");
  section.hidden = !data.comparisons.length;
  data.comparisons.forEach((comparison, place) => {
    const body = el("div");
    const box = el("details", { class: "comparison" }, el("summary", {}, el("h3", {}, comparison.name), " ",
      el("span", { class: "muted" }, `${comparison.inputs.length} inputs, ${moment(comparison.started)}`)), body);
    box.addEventListener("toggle", () => {
      if (!box.open || body.children.length) return; // drawn when first opened
      const group = allPictures().filter((p) => p.run === null && p.source === `comparison ${place}`);
      body.append(el("p", {}, el("a", { href: comparison.href }, "Open its folder")),
        el("div", { class: "cards" }, group.map((p) => card(p, p.title, group))),
        ...comparison.tables.map((table) => el("article", {}, el("h4", {}, table.title), el("p", { class: "muted" }, table.description,
          table.left_out ? ` The first ${table.rows.length} rows.` : ""),
        sortableTable({ caption: table.title, size: 10, rows: table.rows, columns: table.columns.map((name, i) => ({
          key: `${i}`, label: name || "(unnamed)", value: (row) => row[i], numeric: table.rows.every((row) => typeof row[i] === "number" || row[i] === ""),
        })) }).node)));
    });
    section.append(box);
  });
}
