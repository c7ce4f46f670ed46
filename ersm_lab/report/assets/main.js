// Puts the page together.
function drawNav() {
  const items = [...document.querySelectorAll("main section")].filter((section) => !section.hidden)
    .map((section) => el("li", {}, el("a", { href: `#${section.id}` }, section.querySelector("h2").textContent)));
  $("nav").replaceChildren(...items);
  const absent = [...document.querySelectorAll("#of-shown section[hidden]")].filter(({ id }) => HAS[id] ? HAS[id]() : true);
  $("elsewhere").textContent = absent.length ? `Not of the runs shown, but of others: ${absent.map((section) => section.querySelector("h2").textContent).join(", ")}.` : "";
}
// sections that every page has, and whether any run has something for them
const HAS = {
  learning: () => data.history.some((curves) => Object.keys(curves).length),
  classes: () => Object.keys(data.classes).length,
  pictures: () => allPictures().some((picture) => picture.run !== null),
};

function start() {
  startTheme();
  const meta = data.meta;
  $("about").textContent = `${data.runs.length} run${data.runs.length === 1 ? "" : "s"} · ${meta.outputs} · ${moment(meta.created)}`;
  if (meta.notes.length) {
    $("notes").append(el("details", { class: "note" }, el("summary", {}, `${meta.notes.length} thing${meta.notes.length === 1 ? "" : "s"} could not be read`),
      el("ul", {}, meta.notes.map((note) => el("li", {}, note)))));
  }
  $("foot").textContent = `Written by ersm-lab ${meta.version}. Curves have at most ${meta.points} points; ${meta.pictures[0]} of ${meta.pictures[1]} pictures are embedded, the others are links. This page asks the network for nothing.`;
  startRuns();
  drawShown();
  startFamilies();
  startClasses();
  startGallery();
  startTables();
  startClaims();
  startComparisons();
  const draw = () => { drawShown(); drawLearning(); drawClasses(); drawGallery(); drawDifferences(); drawNav(); };
  on("shown", draw);
  on("listed", () => (state.scope === "listed" ? emit("shown") : drawShown()));
  $("differences").addEventListener("toggle", drawDifferences);
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }
  // a chooser closes as a menu does
  const choosers = () => [...document.querySelectorAll(".chooser[open]")];
  document.addEventListener("click", (event) => choosers().forEach((box) => { if (!event.composedPath().includes(box)) box.open = false; }));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") choosers().forEach((box) => { box.open = false; box.querySelector("summary").focus(); });
  });
  window.addEventListener("beforeprint", () => document.querySelectorAll("details.numbers").forEach((box) => { box.open = false; }));
  draw();
  document.documentElement.dataset.ready = "yes";
}
start();
