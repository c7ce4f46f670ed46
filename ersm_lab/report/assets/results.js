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

const range = (low, high) => (typeof low === "number" ? `${signed(low)} to ${signed(high)}` : "–");

function startClaims() {
  const section = $("claims");
  section.hidden = !data.claims.length;
  if (section.hidden) return;
  const plain = (key, label = key) => ({ key, label, value: (claim) => claim[key] });
  const columns = [
    { key: "claim", label: "claim", head: true, value: (claim) => claim.claim, cell: (claim, td) => td.append(
      el("button", { type: "button", class: "link", onclick: () => openClaim(claim) }, claim.claim), el("div", { class: "muted" }, claim.statement)) },
    { key: "verdict", label: "verdict", value: (claim) => claim.verdict, cell: (claim, td) => td.append(verdictBadge(claim.verdict)) },
    plain("variant"), plain("data"), plain("profile"),
    { key: "effect", label: "effect", value: (claim) => claim.effect || claim.reason },
    { key: "estimate", label: "estimate", numeric: true, value: (claim) => claim.estimate, cell: (claim, td) => td.append(signed(claim.estimate)) },
    { key: "interval", label: "95 % interval", numeric: true, value: (claim) => claim.low, cell: (claim, td) => td.append(range(claim.low, claim.high)) },
    plain("bound", "must be"),
    { key: "images", label: "images", numeric: true, value: (claim) => claim.images },
    { key: "seeds", label: "seeds", numeric: true, value: (claim) => claim.seeds },
  ];
  const table = sortableTable({ caption: "Claims", columns, rows: data.claims, size: 50 });
  table.node.querySelector("table").classList.add("claims");
  section.append(el("p", { class: "muted" }, "What the runs have to say; written by ersm-lab claims, not typed. A claim's name opens what its verdict rests on."), table.node);
}

function openClaim(claim) {
  const place = new Map(data.runs.map((run, i) => [run.name, i]));
  const runs = claim.runs.map((path) => {
    const name = path.split(/[\\/]/).pop();
    return el("li", {}, place.has(name) ? el("button", { type: "button", class: "link", onclick: () => openDetail(place.get(name)) }, path) : path);
  });
  openDialog($("detail"), `${claim.claim}: ${claim.variant}, ${claim.data} (${claim.profile})`,
    el("p", {}, claim.statement, " ", verdictBadge(claim.verdict)),
    rowsTable("About", claim.about.map(pairRow)),
    claim.parts.length > 0 && el("h3", {}, "Effects"),
    claim.parts.length > 0 && rowsTable("Effects", claim.parts.map((part) => el("tr", {}, el("th", { scope: "row" }, part.effect),
      el("td", { class: "number" }, signed(part.estimate)), el("td", { class: "number" }, range(part.low, part.high)),
      el("td", {}, part.bound), el("td", {}, verdictBadge(part.outcome)))), ["effect", "estimate", "95 % interval", "must be", "outcome"]),
    el("h3", {}, `From ${claim.runs.length} run${claim.runs.length === 1 ? "" : "s"}`), runs.length > 0 && el("ul", {}, runs));
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
