// A table that sorts by its headings and shows a page of rows at a time, so that thousands of rows stay quick.
const SIZES = [10, 25, 50, 100, 250];

const collator = new Intl.Collator("en", { numeric: true });

function compareValues(a, b) {
  const none = (v) => v === null || v === undefined || v === "" || Number.isNaN(v);
  if (none(a) || none(b)) return none(a) - none(b);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return collator.compare(String(a), String(b));
}

// columns: {key, label, title, numeric, value(row), cell(row, td), fixed}; label null: no sorting (heading: screen readers' name)
function sortableTable({ caption, columns, rows, size = 25, sort = null, rowClass = null, changed = null }) {
  let page = 0;
  const body = el("tbody");
  const head = el("tr");
  const region = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${caption}, scrollable` },
    el("table", {}, el("caption", { class: "vh" }, caption), el("thead", {}, head), body));
  const status = el("span", { class: "muted", role: "status" });
  const button = (text, name, move) => el("button", { type: "button", "aria-label": name, onclick: move }, text);
  const first = button("«", "First page", () => go(0));
  const before = button("‹", "Previous page", () => go(page - 1));
  const after = button("›", "Next page", () => go(page + 1));
  const last = button("»", "Last page", () => go(Infinity));
  const sizes = choice("Rows", SIZES.map((n) => [n, n]), size, (value) => { size = Number(value); go(0); });
  const pager = el("div", { class: "pager" }, first, before, status, after, last, sizes);
  const node = el("div", { class: "paged" }, region, pager);

  const ordered = () => {
    const column = sort && columns.find((c) => c.key === sort.key);
    if (!column) return rows;
    const keyed = rows.map((row, i) => ({ row, i, value: column.value(row) }));
    const empty = (v) => v === null || v === undefined || v === "" || Number.isNaN(v);
    keyed.sort((a, b) => {
      if (empty(a.value) || empty(b.value)) return empty(a.value) - empty(b.value) || a.i - b.i; // blanks stay last
      return (sort.down ? -1 : 1) * compareValues(a.value, b.value) || a.i - b.i;
    });
    return keyed.map((item) => item.row);
  };

  function heading(column) {
    const attributes = { scope: "col", class: column.numeric ? "number" : null, title: column.title };
    if (!column.label) return el("th", attributes, hidden(column.heading || column.key));
    const active = sort && sort.key === column.key;
    attributes["aria-sort"] = active ? (sort.down ? "descending" : "ascending") : null;
    const mark = el("span", { "aria-hidden": "true", class: "arrow" }, active ? (sort.down ? "▼" : "▲") : "");
    return el("th", attributes, el("button", { type: "button", "data-key": column.key, onclick: () => {
      const down = active ? !sort.down : Boolean(column.numeric || column.down); // of numbers, the largest first
      sort = { key: column.key, down };
      page = 0;
      draw();
      head.querySelector(`[data-key="${CSS.escape(column.key)}"]`).focus();
    } }, column.label, mark));
  }

  function draw() {
    const pages = Math.max(1, Math.ceil(rows.length / size));
    page = Math.min(Math.max(page, 0), pages - 1);
    head.replaceChildren(...columns.map(heading));
    const shown = ordered().slice(page * size, (page + 1) * size);
    body.replaceChildren(...shown.map((row) => el("tr", { class: rowClass && rowClass(row) }, columns.map((column) => {
      const td = el(column.head ? "th" : "td", { class: column.numeric ? "number" : null, scope: column.head ? "row" : null });
      if (column.cell) column.cell(row, td);
      else td.append(shownValue(column.value(row)));
      return td;
    }))));
    if (!rows.length) body.append(el("tr", {}, el("td", { colspan: columns.length, class: "muted" }, "Nothing to show.")));
    status.textContent = rows.length ? `${page * size + 1}–${Math.min(rows.length, (page + 1) * size)} of ${rows.length}` : "0 of 0";
    before.disabled = first.disabled = page === 0;
    after.disabled = last.disabled = page >= pages - 1;
    pager.hidden = rows.length <= SIZES[0];
    if (changed) changed();
  }
  function go(to) { page = to; draw(); }
  draw();
  return {
    node,
    update(more) {
      if (more.rows && more.rows !== rows) page = 0;
      ({ rows = rows, columns = columns } = more);
      draw();
    },
    refresh: draw,
  };
}
