"use strict";
// Everything shown comes from the JSON below, as text: no text of a result file becomes markup.
const {problems, plots, headlines} = JSON.parse(document.getElementById("data").textContent);
const PAGE = 200; // rows of the long table shown at a time
const byProblem = new Map(problems.map((problem) => [problem.problem, problem]));

// -- the state of the view, stored in the address so that it can be shared

const state = {hide: new Set(), mark: "", size: {}, over: {}, sort: "", kernel: "", V: "", B: "", dtype: "", status: "", text: ""};
const FILTERS = ["kernel", "V", "B", "dtype", "status", "text"];

function readAddress() {
  const given = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  state.hide = new Set(given.getAll("hide"));
  state.mark = given.get("mark") ?? "";
  state.sort = given.get("sort") ?? "";
  for (const name of FILTERS) state[name] = given.get(name) ?? "";
  for (const name of ["size", "over"]) {
    state[name] = {};
    for (const one of given.getAll(name)) {
      const at = one.indexOf(" ");
      state[name][one.slice(0, at)] = one.slice(at + 1);
    }
  }
}

function writeAddress() {
  const parameters = new URLSearchParams();
  for (const implementation of state.hide) parameters.append("hide", implementation);
  for (const name of ["mark", "sort", ...FILTERS]) if (state[name]) parameters.set(name, state[name]);
  for (const name of ["size", "over"])
    for (const [kernel, value] of Object.entries(state[name])) if (value) parameters.append(name, `${kernel} ${value}`);
  const hash = parameters.toString();
  if (hash || location.hash.includes("=")) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}

// -- tables

function element(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** A problem's rows as records: cells, and numbers to sort by, in the header's order, with speed-ups over another implementation. */
function records(problem, over, header = columns(problem)) {
  const own = columns(problem).slice(1), places = header.slice(1).map((name) => own.indexOf(name));
  const ratios = over && Object.hasOwn(problem.ratios, over) ? problem.ratios[over] : {};
  return problem.rows.map((row, at) => {
    const cells = row.slice(2), sort = problem.sort[at].slice();
    // no speed-ups where that implementation was not measured
    if (over && problem.statuses[at] === "ok") [cells[1], sort[1]] = row[0] === over ? ["this one", 1] : ratios[row[0]] ?? ["–", null];
    return {problem, slug: row[0], title: row[1], status: problem.statuses[at], implementation: `${problem.kernel}/${row[0]}`,
      cells: places.map((place) => cells[place] ?? ""), sort: places.map((place) => sort[place] ?? null)};
  });
}

/** Sort by a column's number (0 is the name), with "-" before it in descending order. Rows without a figure come last. */
function sorted(rows, by) {
  if (!by) return rows;
  const down = by.startsWith("-") ? -1 : 1, column = Number(by.replace("-", ""));
  const key = (row) => (column === 0 ? row.implementation : row.sort[column - 1]);
  return rows.slice().sort((a, b) => {
    const one = key(a), other = key(b);
    if (one === other) return 0;
    if (one === null || one === undefined) return 1;
    if (other === null || other === undefined) return -1;
    return (one < other ? -1 : 1) * down;
  });
}

function rowElement(row, width, withSize) {
  const line = element("tr", undefined, {"data-implementation": row.implementation});
  if (row.problem.best === row.slug && row.status === "ok") line.classList.add("best");
  const name = element("th", undefined, {scope: "row"});
  const bold = element("b");
  bold.append(element("button", row.slug, {type: "button", class: "mark", "aria-pressed": "false"}));
  name.append(bold, " ", element("small", withSize ? row.problem.problem : row.title));
  line.append(name);
  if (row.status === "ok") for (let at = 0; at < width; at += 1) line.append(element("td", row.cells[at] ?? ""));
  else line.append(element("td", row.cells[0], {class: "reason", colspan: String(width)}));
  return line;
}

function fill(table, rows, header, by, onSort, withSize) {
  const head = element("tr");
  header.forEach((name, at) => {
    const cell = element("th", undefined, {scope: "col"});
    const button = element("button", name, {type: "button", class: "sort"});
    const direction = by === String(at) ? "ascending" : by === `-${at}` ? "descending" : "none";
    cell.setAttribute("aria-sort", direction);
    button.addEventListener("click", () => {
      onSort(direction === "ascending" ? `-${at}` : direction === "descending" ? "" : String(at));
      [...table.querySelectorAll("button.sort")].find((one) => one.textContent === name)?.focus();
    });
    cell.append(button);
    head.append(cell);
  });
  const top = element("thead"), body = element("tbody");
  top.append(head);
  body.append(...rows.map((row) => rowElement(row, header.length - 1, withSize)));
  table.replaceChildren(top, body);
}

const columns = (problem) => problem.header.filter((_, at) => at !== 1);
const everyColumn = () => [...new Set(problems.flatMap(columns))]; // a problem has only columns in which a case has a figure

// -- one kernel's section

const sectionSort = {};

function problemOf(kernel) {
  const chosen = `${kernel}@${state.size[kernel] ?? ""}`;
  return byProblem.get(chosen) ?? byProblem.get(headlines[kernel]);
}

function showKernel(section) {
  const kernel = section.dataset.kernel, problem = problemOf(kernel);
  const measured = problem.rows.filter((_, at) => problem.statuses[at] === "ok").map((row) => row[0]);
  const over = section.querySelector(".over"), wanted = state.over[kernel];
  const chosen = measured.includes(wanted) ? wanted : problem.baseline ?? "";
  const none = problem.baseline ? [] : [element("option", "no baseline", {value: ""})];
  over.replaceChildren(...none, ...measured.map((slug) => element("option", slug + (slug === problem.baseline ? " (baseline)" : ""), {value: slug})));
  over.value = chosen;
  section.querySelector(".size").value = problem.size;
  section.querySelector(".problem code").textContent = problem.size;
  section.querySelector(".finding").replaceChildren(problem.finding + " ", element("span", problem.advice, {class: "advice"}));
  const note = section.querySelector(".note");
  note.textContent = problem.note;
  note.hidden = !problem.note;
  const stages = section.querySelector(".stages");
  stages.querySelector("ul").replaceChildren(...problem.stages.map((line) => element("li", line)));
  stages.hidden = !problem.stages.length;
  const header = columns(problem);
  const rows = sorted(records(problem, chosen === problem.baseline ? "" : chosen), sectionSort[kernel]);
  fill(section.querySelector("table.problem"), rows, header, sectionSort[kernel] ?? "", (by) => { sectionSort[kernel] = by; showKernel(section); }, false);
  paintRows();
}

// -- every case

const every = document.getElementById("every"), form = document.querySelector("form.filters");
let pages = 1;

function matching() {
  const text = state.text.toLowerCase();
  return problems
    .filter((problem) => (!state.kernel || problem.kernel === state.kernel) && (!state.V || String(problem.V) === state.V)
      && (!state.B || String(problem.B) === state.B) && (!state.dtype || problem.dtype === state.dtype))
    .flatMap((problem) => records(problem, state.over[problem.kernel] !== problem.baseline ? state.over[problem.kernel] : "", everyColumn()))
    .filter((row) => (!state.status || row.status === state.status)
      && (!text || `${row.implementation}@${row.problem.size} ${row.title}`.toLowerCase().includes(text)));
}

/** Set the form as in the address; values that the file does not have are ignored. */
function showFilters() {
  for (const name of FILTERS) {
    form.elements[name].value = state[name];
    state[name] = form.elements[name].value;
  }
}

function showEvery() {
  if (!every) return;
  const rows = sorted(matching(), state.sort), shown = rows.slice(0, pages * PAGE);
  fill(every, shown, everyColumn(), state.sort, (by) => { state.sort = by; pages = 1; showEvery(); writeAddress(); }, true);
  document.getElementById("shown").textContent =
    `${rows.length} ${rows.length === 1 ? "case" : "cases"}` + (shown.length < rows.length ? `, the first ${shown.length} shown` : "");
  document.getElementById("more").hidden = shown.length === rows.length;
  paintRows();
}

// -- showing, hiding and marking an implementation everywhere

function paintRows() {
  for (const row of document.querySelectorAll("tr[data-implementation]")) {
    row.classList.toggle("marked", row.dataset.implementation === state.mark);
    row.classList.toggle("hidden", state.hide.has(row.dataset.implementation));
    row.querySelector("button.mark")?.setAttribute("aria-pressed", String(row.dataset.implementation === state.mark));
  }
  for (const button of document.querySelectorAll("button.implementation")) {
    button.setAttribute("aria-pressed", String(!state.hide.has(button.dataset.implementation)));
    button.classList.toggle("marked", button.dataset.implementation === state.mark);
  }
}

function paint() {
  paintRows();
  document.querySelectorAll(".plot[data-drawn]").forEach(draw);
  writeAddress();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.implementation"), row = event.target.closest("tr[data-implementation]");
  if (button) {
    const implementation = button.dataset.implementation;
    if (!state.hide.delete(implementation)) state.hide.add(implementation);
    paint();
  } else if (row && (event.target.closest("button.mark") || !String(getSelection()))) {
    state.mark = state.mark === row.dataset.implementation ? "" : row.dataset.implementation;
    paint();
  }
});

// -- copying what is shown

const NAME = ["case"];

function asText(kind, header, rows) {
  const lines = rows.map((row) => [`${row.implementation}@${row.problem.size}`, ...(row.status === "ok" ? row.cells : [row.cells[0]])]);
  if (kind === "csv") {
    // a quote makes a cell text that a spreadsheet would take for a formula
    const cell = (text) => { const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text; return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe; };
    return [header, ...lines].map((line) => line.map(cell).join(",")).join("\n") + "\n";
  }
  const cell = (text) => text.replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll("<", "&lt;").replace(/\s+/g, " ");
  return [header, header.map(() => "---"), ...lines].map((line) => `| ${line.map(cell).join(" | ")} |`).join("\n") + "\n";
}

async function copy(button) {
  const section = button.closest(".kernel");
  let header, rows;
  if (section) {
    const problem = problemOf(section.dataset.kernel), over = section.querySelector(".over").value;
    header = columns(problem);
    rows = sorted(records(problem, over === problem.baseline ? "" : over), sectionSort[problem.kernel]);
  } else {
    header = everyColumn();
    rows = sorted(matching(), state.sort);
  }
  const text = asText(button.dataset.as, [...NAME, ...header.slice(1)], rows);
  try {
    await navigator.clipboard.writeText(text);
  } catch { // a page opened from disk may not be allowed to
    const area = element("textarea", text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = button.dataset.label ??= button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1200);
}

// -- plots, drawn when they are scrolled near

const dark = matchMedia("(prefers-color-scheme: dark)"), narrow = matchMedia("(max-width: 42rem)");

function draw(place) {
  const plot = plots[place.dataset.plot], style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = (one) => ({title: {text: one.title, font: {size: 12}}, type: one.type, tickvals: one.at, ticktext: one.labels, automargin: true, ...(one.range ? {range: one.range} : {}),
    gridcolor: colour("--line"), linecolor: colour("--line"), zeroline: false, ...(one.type === "category" ? {autorange: "reversed"} : {})});
  const fitting = (text) => plot.stacked && narrow.matches ? text?.map((label) => label.split(" ").pop()) : text; // bars on a phone have room only for shares
  const traces = plot.data.filter((one) => !state.hide.has(one.meta)).map((one) => ({...one, text: fitting(one.text),
    opacity: state.mark && one.meta && state.mark.startsWith(`${plot.kernel}/`) && one.meta !== state.mark ? 0.2 : 1,
    outsidetextfont: {color: colour("--ink")}})); // inside a bar, Plotly chooses a colour with contrast
  const bars = plot.y.type === "category";
  place.style.height = plot.stacked && narrow.matches ? "400px" : ""; // room for a legend of one column
  Plotly.react(place, traces, {
    margin: {l: 60, r: 12, t: 8, b: !plot.stacked ? 44 : narrow.matches ? 205 : 122}, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: plot.kernel === "" || !!plot.stacked,
    font: {color: colour("--ink"), family: "system-ui, sans-serif", size: 12}, hovermode: "closest", bargap: 0.35, barmode: plot.stacked ? "stack" : "overlay",
    xaxis: {...axis(plot.x), tickangle: narrow.matches && !bars ? -40 : 0}, yaxis: axis(plot.y),
    legend: plot.stacked ? {orientation: "h", traceorder: "normal", xref: "container", x: 0, yref: "container", y: 0, yanchor: "bottom"}
      : narrow.matches ? {orientation: "h", y: -0.35, traceorder: "normal"} : {x: 1.02, y: 1},
  }, {displayModeBar: false, responsive: true}).then(() => { place.dataset.drawn = "yes"; });
}

// -- start

readAddress();
for (const section of document.querySelectorAll(".kernel")) {
  const kernel = section.dataset.kernel;
  section.querySelector(".controls").hidden = false;
  section.querySelector(".size").addEventListener("change", (event) => { state.size[kernel] = event.target.value; showKernel(section); writeAddress(); });
  section.querySelector(".over").addEventListener("change", (event) => { state.over[kernel] = event.target.value; showKernel(section); showEvery(); writeAddress(); });
  showKernel(section);
}
if (form) {
  form.hidden = false;
  const choices = {V: problems.map((problem) => problem.V), B: problems.map((problem) => problem.B), dtype: problems.map((problem) => problem.dtype), status: problems.flatMap((problem) => problem.statuses)};
  for (const [name, values] of Object.entries(choices)) {
    const unique = [...new Set(values)].sort((a, b) => (typeof a === "number" ? a - b : String(a).localeCompare(String(b))));
    form.elements[name].append(...unique.map((value) => element("option", typeof value === "number" ? value.toLocaleString("en") : value, {value: String(value)})));
  }
  showFilters();
  for (const name of FILTERS) {
    form.elements[name].addEventListener("input", (event) => { state[name] = event.target.value; pages = 1; showEvery(); writeAddress(); });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("more").addEventListener("click", () => { pages += 1; showEvery(); });
}
document.querySelectorAll("button.copy").forEach((button) => button.addEventListener("click", () => copy(button)));
showEvery();
paintRows();
const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
  if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
}), {rootMargin: "400px"});
document.querySelectorAll(".plot").forEach((place) => seen.observe(place));
const redraw = () => document.querySelectorAll(".plot[data-drawn]").forEach(draw);
[dark, narrow].forEach((medium) => medium.addEventListener("change", redraw));
addEventListener("hashchange", () => { if (location.hash.includes("=")) { readAddress(); pages = 1; if (form) showFilters(); document.querySelectorAll(".kernel").forEach(showKernel); showEvery(); paint(); } });
addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((folded) => { folded.open = true; });
  document.querySelectorAll(".plot").forEach(draw);
});
