// Pictures of the shown runs side by side, and one of them large.
let pictures = null;
const gallery = { name: null, most: 12 };

// parsed when first needed: it is most of the page
function allPictures() {
  if (!pictures) pictures = JSON.parse($("picture-data").textContent);
  return pictures;
}

const pictureKey = (p) => `${p.source === "training" ? "" : `${p.source}: `}${p.title}`;

function card(picture, label, group, line = null) {
  const what = `${picture.title}, ${label}`;
  const image = picture.data
    ? el("button", { type: "button", class: "thumb", onclick: () => openLightbox(group, group.indexOf(picture)) },
      el("img", { src: picture.data, alt: `${what}. Enlarge.`, width: picture.size[0], height: picture.size[1] }))
    : el("p", { class: "muted absent" }, "Not embedded, to keep this page small. ", el("a", { href: picture.href, "aria-label": `Open the file of ${what}` }, "Open the file"));
  return el("figure", { class: "card" }, image, el("figcaption", {}, line && swatch(line), label));
}

function openLightbox(group, place) {
  const shown = group.filter((p) => p.data);
  let at_ = shown.indexOf(group[place]);
  const dialog = $("lightbox");
  const draw = () => {
    const picture = shown[at_];
    const label = picture.run === null ? picture.source : `${runLabel(picture.run)} (${data.runs[picture.run].name})`;
    const step = (by) => () => { at_ = (at_ + by + shown.length) % shown.length; draw(); };
    openDialog(dialog, picture.title,
      el("img", { src: picture.data, alt: `${picture.title}, ${label}`, width: picture.size[0], height: picture.size[1] }),
      el("p", {}, label), el("p", { class: "muted" }, picture.description),
      el("div", { class: "controls" }, shown.length > 1 && [el("button", { type: "button", onclick: step(-1) }, "‹ Previous"),
        el("button", { type: "button", onclick: step(1) }, "Next ›"), el("span", { class: "muted" }, `${at_ + 1} of ${shown.length}`)],
      el("a", { href: picture.href }, "Open the file")));
    dialog.onkeydown = (event) => { if (event.key === "ArrowLeft") step(-1)(); if (event.key === "ArrowRight") step(1)(); };
  };
  draw();
}

function startGallery() {
  $("pictures").append(el("div", { class: "controls" }), el("div", { class: "body" }));
}

function drawGallery() {
  const section = $("pictures");
  const lineOf = new Map(visibleLines().flatMap((line) => line.members.map((run) => [run, line])));
  const mine = allPictures().filter((p) => p.run !== null && lineOf.has(p.run));
  const kinds = new Map();
  for (const p of mine) kinds.set(pictureKey(p), (kinds.get(pictureKey(p)) || 0) + 1);
  const controls = section.querySelector(".controls"), body = section.querySelector(".body");
  section.hidden = !kinds.size;
  if (section.hidden) return;
  if (!kinds.has(gallery.name)) { // what this page holds, pictures before plots, then what most runs have
    const held = new Set(mine.filter((p) => p.data).map(pictureKey));
    const pictorial = new Set(mine.filter((p) => /^(panels|overlays|maps|points|pipeline|epochs|failures|gallery)/.test(p.name)).map(pictureKey));
    gallery.name = [...kinds].sort((a, b) => held.has(b[0]) - held.has(a[0]) || pictorial.has(b[0]) - pictorial.has(a[0]) || b[1] - a[1])[0][0];
  }
  controls.replaceChildren(choice("Picture", [...kinds].map(([name, n]) => [name, `${name} (${n})`]), gallery.name, (v) => { gallery.name = v; gallery.most = 12; drawGallery(); section.querySelector("select").focus(); }));
  const group = mine.filter((p) => pictureKey(p) === gallery.name);
  const one = group[0];
  body.replaceChildren(el("p", { class: "muted" }, one.description),
    el("div", { class: "cards" }, group.slice(0, gallery.most).map((p) => card(p, runLabel(p.run), group, lineOf.get(p.run)))),
    group.length > gallery.most ? el("button", { type: "button", onclick: () => { gallery.most += 24; drawGallery(); } }, `Show more (${group.length - gallery.most} left)`) : "");
}
