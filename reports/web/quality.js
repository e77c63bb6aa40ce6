// The quality page: held-out losses against words trained on.

const losses = JSON.parse(document.getElementById("losses").textContent);

for (const place of document.querySelectorAll(".losses")) {
  const series = losses[place.dataset.kernel];
  if (!series.length) continue;
  const heading = document.createElement("b"),
    note = document.createElement("span"),
    caption = document.createElement("figcaption");
  heading.textContent = "Held-out loss";
  const diverged = series.filter((one) => one.diverged).map((one) => one.name);
  note.textContent = `against words trained on; lower is better${diverged.length ? `; ${diverged.join(", ")}: higher losses are drawn at the top` : ""}`;
  caption.append(heading, note);
  const title = `${place.dataset.kernel}: held-out loss against words trained on; the last figures are in the table`;
  const options = { title, xTitle: "words trained on", format: (value) => value.toFixed(1), yScale: steps };
  place.append(caption, lineChart({ series, ...options, width: 720, right: 150 }));
}
document.documentElement.dataset.ready = "yes";
