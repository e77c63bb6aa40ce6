// A run's page. All text comes from the JSON below and becomes text nodes: nothing in a result file becomes markup.

const data = JSON.parse(document.getElementById("data").textContent);
const {kernels, problems} = data;
const REFERENCES = ["the fastest", "the textbook", "the best NumPy/SciPy", "the best compiled", "the best framework"];
const IN_ADDRESS = ["fastest", "textbook", "numpy", "compiled", "framework"]; // the references, as the address has them
const FASTEST = 0, TEXTBOOK = 1, NUMPY = 2, COMPILED = 3, VAGUE = 3;
const GROUPS = JSON.parse(document.getElementById("groups").textContent);

function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null));
  return node;
}

/** Text whose parts in backticks are code. */
const prose = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));

// -- what is shown, kept in the address

const state = {V: 0, B: 0, H: 0, rest: "", ref: FASTEST, sort: ""};
let section = "";

function readAddress() {
  const [place, query] = location.hash.slice(1).split("?");
  const given = new URLSearchParams(query ?? "");
  for (const name of ["V", "B", "H"]) state[name] = given.has(name) && Number.isFinite(Number(given.get(name))) ? Number(given.get(name)) : data.start?.[name] ?? 0;
  state.ref = Math.max(FASTEST, IN_ADDRESS.indexOf(given.get("ref")));
  state.rest = given.get("rest") ?? data.start?.rest ?? "";
  state.sort = given.get("sort") ?? "";
  try { section = decodeURIComponent(place ?? ""); } catch { section = ""; } // an address that is no text
}

function writeAddress() {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) if (value && value !== data.start?.[name]) query.set(name, name === "ref" ? IN_ADDRESS[value] : value);
  const hash = `${section}${String(query) ? `?${query}` : ""}`;
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}

/** A kernel's problem that is nearest to the chosen size: first the same dtype and words, then the nearest V, then B, then H. */
function nearest(kernel) {
  const far = (one) => [Number(one.rest !== state.rest), Math.abs(Math.log(one.V / state.V)), Math.abs(Math.log(Math.max(1, one.B) / Math.max(1, state.B))), Math.abs(Math.log(one.H / state.H)), -one.B, -one.H];
  const measured = kernel.problems.map((number) => problems[number]).filter((one) => one.use !== undefined);
  const from = measured.length ? measured : kernel.problems.map((number) => problems[number]);
  return from.reduce((best, one) => {
    const [a, b] = [far(one), far(best)], at = a.findIndex((value, place) => Math.abs(value - b[place]) > 1e-12);
    return at >= 0 && a[at] < b[at] ? one : best;
  });
}

const severalTypes = kernels.some((kernel) => new Set(kernel.problems.map((number) => problems[number].rest)).size > 1);
const plain = (number) => number.toLocaleString("en");

/** What a problem's size has that was not chosen: "B 8". */
function otherSize(problem) {
  const parts = [];
  if (problem.V !== state.V) parts.push(`V ${plain(problem.V)}`);
  if (problem.B !== state.B) parts.push(`B ${plain(problem.B)}`);
  if (problem.H > 1 && problem.H !== state.H) parts.push(`H ${plain(problem.H)}`);
  if (problem.rest !== state.rest && severalTypes) parts.push(problem.rest);
  return parts.join(", ");
}

const sizeText = (problem) => [`V = ${plain(problem.V)}`, problem.H > 1 ? `H = ${plain(problem.H)}` : "", `B = ${plain(problem.B)}`, problem.K ? `K = ${problem.K}` : ""].filter(Boolean).join(" · ");

// -- answers

const caseOf = (problem, number) => problem.cases.find((one) => one.i === number);
const nameOf = (kernel, number) => [icon(kernel.implementations[number].family), h("code", {}, kernel.implementations[number].slug)];

/** A case's ratio to the chosen reference in words: "tie", "28×" slower than the fastest, "1.9× faster". */
function ratioText(problem, one, reference = state.ref) {
  const base = problem.references[reference], ratio = one.r[reference];
  if (base === null || !ratio) return "–";
  if (one.i === base) return reference === FASTEST && problem.ties.length === 1 ? "fastest" : reference === FASTEST ? "use this" : "1×";
  const vague = ratio[1] && ratio[2] > VAGUE * ratio[1] ? "~" : ""; // hardly known
  if (reference === FASTEST) return problem.ties.includes(one.i) ? "tie" : vague + (ratio[0] < 1.1 ? `+${((ratio[0] - 1) * 100).toFixed(0)} %` : `${two(ratio[0])}×`).replace("+-", "−");
  return vague + slower(ratio[0]);
}

function answerCell(kernel, problem, reference) {
  const number = problem.references[reference];
  if (number === null) return [h("span", {class: "same"}, "none"), ""];
  if (number === problem.use) return [h("span", {class: "same"}, "the same"), ""];
  return [h("span", {class: "who"}, nameOf(kernel, number)), ratioText(problem, caseOf(problem, number))];
}

/** The answers of a problem as dots on an axis of ratios that all rows share. */
function strip(kernel, problem, scale, ticks) {
  const drawing = s("svg", {class: "strip", viewBox: "0 0 124 26", width: 124, height: 26, "aria-hidden": "true"});
  for (const tick of ticks) drawing.append(s("path", {class: "grid", d: `M${scale(tick)} 0V26`}));
  const within = (ratio) => scale(Math.min(ticks.at(-1), Math.max(ticks[0], ratio)));
  const shown = [TEXTBOOK, NUMPY, FASTEST].map((reference) => caseOf(problem, problem.references[reference] ?? -1)).filter((one) => one?.r[state.ref]);
  const places = shown.map((one) => within(one.r[state.ref][0]));
  if (places.length) drawing.append(s("path", {class: "span", d: `M${Math.min(...places)} 13H${Math.max(...places)}`}));
  shown.forEach((one, at) => drawing.append(mark(kernel.implementations[one.i].family, places[at], 13, 3.8)));
  return drawing;
}

function showSummary() {
  const place = document.getElementById("answers");
  if (!place) return;
  const rows = kernels.map((kernel) => ({kernel, problem: nearest(kernel)}));
  const ratios = rows.flatMap(({problem}) => problem.use === undefined ? [] : [FASTEST, TEXTBOOK, NUMPY].map((reference) => caseOf(problem, problem.references[reference] ?? -1)?.r[state.ref]?.[0]).filter(Boolean));
  const {scale, ticks} = decades(state.ref === FASTEST ? [1, 10, ...ratios.map((ratio) => Math.max(1, ratio))] : [1, ...ratios, 10], 8, 116), many = Math.ceil((ticks.length - 1) / 2);
  const axis = s("svg", {viewBox: "0 0 124 14", width: 124, height: 14, "aria-hidden": "true"}, ...ticks.filter((_, at) => at % many === 0).map((tick, at, all) => s("text", {x: scale(tick), y: 11, class: "axis", "text-anchor": at === 0 ? "start" : at === all.length - 1 ? "end" : "middle"}, `${narrow(Math.max(tick, 1 / tick)).replace(".0", "")}×${tick < 1 ? " faster" : ""}`)));
  const than = state.ref === FASTEST ? "times slower" : `than ${REFERENCES[state.ref]}`;
  const head = h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "Kernel"), h("th", {scope: "col", colspan: 2}, "Use", h("small", {}, "time per call")), h("th", {scope: "col", colspan: 2}, "NumPy/SciPy only", h("small", {}, than)), h("th", {scope: "col", colspan: 2}, "Textbook", h("small", {}, than)), h("th", {scope: "col", class: "dots"}, state.ref === FASTEST ? "Times slower" : "Ratio", axis)));
  const body = h("tbody");
  let group = "";
  for (const {kernel, problem} of rows) {
    const [name, form] = [kernel.name.split(".")[0], kernel.name.split(".").slice(1).join(".")];
    if (name !== group) {
      group = name;
      body.append(h("tr", {class: "group"}, h("th", {scope: "colgroup", colspan: 8}, h("b", {}, name), h("span", {}, GROUPS[name] ?? kernel.title))));
    }
    const link = h("a", {href: `#${kernel.name}`}, form || name), remark = otherSize(problem);
    const first = h("th", {scope: "row", class: "kernel-name"}, link, remark ? h("i", {}, remark) : undefined);
    if (problem.use === undefined) { body.append(h("tr", {class: "answer"}, first, h("td", {colspan: 7, class: "same"}, problem.cases[0]?.reason ?? "not measured"))); continue; }
    const best = caseOf(problem, problem.use), [value, unit] = scaled(best.t[0], "s");
    const tie = problem.ties.length > 1 ? h("span", {class: "badge", title: `about as fast: ${problem.ties.slice(1).map((number) => kernel.implementations[number].slug).join(", ")}`}, "tie") : problem.undecided ? h("span", {class: "badge", title: problem.undecided.replaceAll("`", "")}, "?") : undefined;
    const [numpy, numpyRatio] = answerCell(kernel, problem, NUMPY), [book, bookRatio] = answerCell(kernel, problem, TEXTBOOK);
    body.append(h("tr", {class: "answer"}, first, h("td", {class: "use"}, nameOf(kernel, problem.use), tie), h("td", {class: "number"}, h("b", {}, value), h("span", {class: "unit"}, unit)), h("td", {class: "numpy"}, numpy), h("td", {class: "ratio numpy"}, numpyRatio), h("td", {class: "book"}, book), h("td", {class: "ratio book"}, bookRatio), h("td", {class: "dots"}, strip(kernel, problem, scale, ticks))));
  }
  place.replaceChildren(h("table", {class: "answers"}, head, body));
  if (!data.start) { document.getElementById("at-size").textContent = "nothing was measured"; return; }
  const exact = rows.filter(({problem}) => !otherSize(problem)).length;
  document.getElementById("at-size").textContent = exact === rows.length ? `at V = ${plain(state.V)} and B = ${plain(state.B)}` : `at V = ${plain(state.V)} and B = ${plain(state.B)}, but ${rows.length - exact} of ${rows.length} kernels at the nearest size, which stands in their row`;
}

// -- one kernel

const growth = (power, of) => power === undefined ? "–" : Math.abs(power) < .15 ? "flat" : h("span", {}, `as ${of}`, Math.abs(power - 1) < .15 ? undefined : h("sup", {}, power.toFixed(1)));

const WORKING = {memory: "moving rows", cache: "moving rows, cached", arithmetic: "arithmetic", call: "calling", interpreter: "Python’s loop"};

function limitCell(one) {
  if (!one.limit) return "–";
  if (one.limit === "interpreter") return h("span", {class: "soft"}, "Python’s own loop");
  return [h("span", {class: "gauge", style: `--p: ${Math.min(100, 100 * one.share)}%`}), h("span", {class: "percent"}, `${(100 * one.share).toFixed(0)} %`), h("span", {class: "soft"}, `${WORKING[one.limit] ?? one.limit}${one.over ? " (exceeded)" : ""}`)];
}

function memoryCell(one) {
  if (one.m === undefined && one.kept === undefined) return "–";
  return [h("span", {class: "peak"}, bytes(one.m ?? 0)), one.kept ? h("span", {class: "soft"}, ` + ${bytes(one.kept)}`) : undefined, one.resident ? h("abbr", {title: "growth of the process’s resident set: not all of it can be traced"}, "*") : undefined];
}

/** The interval of a ratio as a bar on an axis that the table's rows share. */
function whisker(kernel, one, scale) {
  const ratio = one.r[state.ref], drawing = s("svg", {class: "whisker-cell", viewBox: "0 0 96 18", width: 96, height: 18, "aria-hidden": "true"});
  if (!ratio) return drawing;
  drawing.append(s("path", {class: "span", d: `M${scale(1)} 9H${scale(ratio[0])}`}));
  if (ratio[1]) drawing.append(s("path", {class: `whisker ${FAMILY[kernel.implementations[one.i].family]}`, d: `M${Math.max(0, scale(ratio[1]))} 9H${Math.min(96, scale(ratio[2]))}`}));
  drawing.append(mark(kernel.implementations[one.i].family, scale(ratio[0]), 9, 3.6));
  return drawing;
}

const COLUMNS = { // what sorts a table, by column
  name: (one) => one.i, time: (one) => one.t?.[0], words: (one) => -one.words, ratio: (one) => one.r?.[state.ref]?.[0], memory: (one) => (one.m ?? 0) + (one.kept ?? 0), grows: (one) => one.gV, limit: (one) => -one.share,
};

function sortedCases(problem) {
  const key = COLUMNS[state.sort.replace("-", "")] ?? COLUMNS.time, down = state.sort.startsWith("-") ? -1 : 1;
  const value = (one) => { const found = one.t ? key(one) : undefined; return found === undefined || Number.isNaN(found) ? Infinity : found; };
  return problem.cases.slice().sort((a, b) => (a.t ? 0 : 1) - (b.t ? 0 : 1) || (value(a) === value(b) ? a.i - b.i : (value(a) < value(b) ? -1 : 1) * down));
}

function caseTable(kernel, problem) {
  const measured = problem.cases.filter((one) => one.t), words = measured.some((one) => one.words), byB = !measured.some((one) => one.gV !== undefined) && measured.some((one) => one.gB !== undefined);
  const grows = measured.some((one) => one.gV !== undefined || one.gB !== undefined), of = byB ? "B" : "V", limits = measured.some((one) => one.limit);
  const ratios = measured.map((one) => one.r[state.ref]?.[0]).filter(Boolean), {scale} = decades([1, 10, ...ratios], 6, 90);
  const column = (name, title, small, kind = "") => {
    const active = state.sort.replace("-", "") === name || (!state.sort && name === "time"), down = state.sort === `-${name}`;
    return h("th", {scope: "col", class: kind, "aria-sort": active ? (down ? "descending" : "ascending") : undefined}, h("button", {type: "button", class: "sort", onclick: () => { state.sort = active && !down ? `-${name}` : name; show(); }}, title), small ? h("small", {}, small) : undefined);
  };
  const reference = problem.references?.[state.ref];
  const than = REFERENCES[state.ref] + (state.ref > TEXTBOOK && typeof reference === "number" ? ` (${kernel.implementations[reference].slug})` : "");
  const head = h("tr", {}, column("name", "Implementation"), column("time", "Time per call", words ? "" : problem.B > 1 && problem.unit ? `${plain(problem.B)} ${problem.unit}s` : "", "number"), words ? column("words", "Words per second", "", "number") : undefined, column("ratio", state.ref === FASTEST ? "Times slower than the fastest" : `Compared with ${than}`, "coloured: 95 % interval", "ratios"), column("memory", "Memory", "call + kept from set-up"), grows ? column("grows", "Grows", `with ${of}`) : undefined, limits ? column("limit", "Hardware limit", "share of this machine’s best") : undefined);
  const body = sortedCases(problem).map((one) => {
    const implementation = kernel.implementations[one.i];
    const name = h("th", {scope: "row"}, h("div", {class: "name"}, icon(implementation.family), h("code", {}, implementation.slug), h("span", {class: "title", title: implementation.title}, implementation.title), implementation.slide ? h("span", {class: "badge"}, `slide ${implementation.slide}`) : undefined, problem.references?.[NUMPY] === one.i && problem.use !== one.i ? h("span", {class: "badge best"}, "best NumPy/SciPy") : undefined));
    if (!one.t) return h("tr", {class: `off ${one.status === "skipped" ? "skipped" : ""}`}, name, h("td", {colspan: 6}, `${one.status === "wrong" && one.marked ? "wrong on purpose" : one.status === "skipped" ? "not measured" : one.status}: ${one.reason}`));
    const [value, unit] = scaled(one.t[0], "s"), ratio = one.r[state.ref], interval = ratio?.[1] !== undefined && reference !== one.i ? ratio : undefined;
    const ends = interval && (interval[0] < 1 && state.ref !== FASTEST ? [1 / interval[2], 1 / interval[1]] : [interval[1], interval[2]]);
    return h("tr", {class: one.i === problem.use ? "best" : ""}, name,
      h("td", {class: "number"}, h("b", {}, value), h("span", {class: "unit"}, unit), one.cpu ? h("div", {class: "soft"}, `${time(one.cpu)} CPU`) : undefined),
      words ? h("td", {class: "number"}, one.words ? plain(Number(one.words.toPrecision(2))) : "–") : undefined,
      h("td", {class: "ratios"}, h("b", {class: "r"}, ratioText(problem, one)), whisker(kernel, one, scale), h("span", {class: "soft interval"}, ends ? `${two(ends[0])}–${two(ends[1])}×` : "")),
      h("td", {class: "memory"}, memoryCell(one)), grows ? h("td", {class: "grows"}, growth(byB ? one.gB : one.gV, of)) : undefined, limits ? h("td", {class: "limit"}, limitCell(one)) : undefined);
  });
  return h("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": `Implementations of ${kernel.name}`}, h("table", {class: "cases"}, h("thead", {}, head), h("tbody", {}, body)));
}

/** The problems that differ from one only in V, or only in B: whichever are more. */
function seriesOf(kernel, problem) {
  const every = kernel.problems.map((number) => problems[number]).filter((one) => one.use !== undefined && one.rest === problem.rest && one.H === problem.H && one.K === problem.K);
  const byV = every.filter((one) => one.B === problem.B), byB = every.filter((one) => one.V === problem.V);
  return byB.length > byV.length ? {axis: "B", its: byB} : {axis: "V", its: byV};
}

function linesOf(kernel, problem, axis, its, figure, format, more = () => ({})) {
  return kernel.implementations.map((implementation, number) => ({
    name: implementation.slug, family: implementation.family, strong: problem.references.slice(0, 3).includes(number),
    points: its.flatMap((one) => { const found = caseOf(one, number), y = found?.t ? figure(found) : 0; return y > 0 ? [{x: one[axis], y, hollow: false, title: `${implementation.slug}: ${format(y)} at ${axis} = ${plain(one[axis])}`, ...more(found)}] : []; }),
  })).filter((one) => one.points.length);
}

const held = (one) => (one.m ?? 0) + (one.kept ?? 0);
const figureOf = (title, note, ...content) => h("figure", {}, h("figcaption", {}, h("b", {}, title), h("span", {}, note)), ...content);

function charts(kernel, problem) {
  const {axis, its} = seriesOf(kernel, problem), other = axis === "V" ? `B = ${plain(problem.B)}` : `V = ${plain(problem.V)}`, xTitle = axis === "V" ? "vocabulary V" : "batch B";
  const measured = problem.cases.filter((one) => one.t), found = [];
  const row = (one, more) => ({name: kernel.implementations[one.i].slug, family: kernel.implementations[one.i].family, ...more});
  if (its.length > 1) {
    found.push(figureOf("Time per call", other, lineChart({title: `${kernel.name}: time per call against ${xTitle}; the figures are in the tables`, xTitle, format: time, series: linesOf(kernel, problem, axis, its, (one) => one.t[0], time, (one) => ({low: one.t[1], high: one.t[2]}))})));
    const lines = linesOf(kernel, problem, axis, its, held, bytes);
    if (lines.length) found.push(figureOf("Memory", `call + kept from set-up, ${other}`, lineChart({title: `${kernel.name}: memory against ${xTitle}`, xTitle, format: bytes, series: lines})));
  } else if (measured.length > 1) {
    const words = measured.every((one) => one.words);
    found.push(words ? figureOf("Time to train on one million words", "at the speed measured here", dotChart({title: `${kernel.name}: time for a million words`, format: long, marks: [1e-3, 1e-2, .1, 1, 10, 60, 600, 3600, 36000, 360000], rows: measured.map((one) => row(one, {value: 1e6 / one.words}))}))
      : figureOf("Time per call", sizeText(problem), dotChart({title: `${kernel.name}: time per call`, format: time, rows: measured.map((one) => row(one, {value: one.t[0]}))})));
    const kept = measured.filter((one) => held(one) > 0);
    if (kept.length) found.push(figureOf("Memory", "light: kept from set-up; solid: in the call", barChart({title: `${kernel.name}: memory`, rows: kept.map((one) => row(one, {kept: one.kept ?? 0, peak: one.m ?? 0, text: `${bytes(one.m ?? 0)}${one.kept ? ` + ${bytes(one.kept)}` : ""}`}))})));
  }
  const heat = heatTable(kernel, problem);
  if (heat) found.push(heat);
  return found.length ? h("div", {class: "charts"}, found) : undefined;
}

/** A long time: "12 s", "25 min", "1.2 h". */
const long = (value) => value < 59.5 ? (value < 1 ? time(value) : `${two(value)} s`) : value < 3600 ? `${two(value / 60)} min` : `${two(value / 3600)} h`;

/** A cell's shade from 0 to 1, in steps away from the middle, where neither dark nor light text could be read. */
function shade(heat) {
  const light = heat < .66 ? .62 * heat / .66 : .74 + .26 * (heat - .66) / .34, dark = heat < .5 ? .8 * heat : .58 + .42 * (heat - .5) / .5;
  return {class: `heat${heat >= .66 ? " hot" : ""}${heat >= .5 ? " hot-dark" : ""}`, style: `--light: ${(100 * light).toFixed(0)}%; --dark: ${(100 * dark).toFixed(0)}%`};
}

function heatTable(kernel, problem) {
  const its = kernel.problems.map((number) => problems[number]).filter((one) => one.use !== undefined && one.rest === problem.rest && one.H === problem.H).sort((a, b) => a.V - b.V || a.B - b.B);
  const rows = kernel.implementations.map((implementation, number) => ({implementation, number})).filter(({number}) => its.some((one) => caseOf(one, number)?.t));
  if (its.length < 2 || rows.length < 2) return undefined;
  rows.sort((a, b) => (caseOf(problem, a.number)?.t?.[0] ?? Infinity) - (caseOf(problem, b.number)?.t?.[0] ?? Infinity));
  const head = (name, key) => h("tr", {}, h("th", {scope: "row", class: "dimension"}, name), its.map((one) => h("th", {scope: "col", class: one === problem ? "now" : ""}, h("span", {}, narrow(one[key]).replace(".0", "")))));
  const cell = (one, number) => {
    const found = caseOf(one, number);
    if (!found?.t) return h("td", {class: "none"}, "–");
    const ratio = found.r[FASTEST][0], heat = Math.min(1, Math.max(0, Math.log10(ratio) / 5));
    const text = one.use === number ? "1×" : one.ties.includes(number) ? "tie" : ratio < 1.1 ? `+${((ratio - 1) * 100).toFixed(0)} %`.replace("+-", "−") : `${narrow(ratio)}×`;
    const {class: kind, style} = shade(heat);
    return h("td", {class: `${kind}${one.ties.includes(number) ? " one" : ""}`, style}, text);
  };
  const figure = figureOf("Times slower than the fastest", "at each size; darker = slower; k = thousand", h("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": `${kernel.name} at each size`}, h("table", {class: "heats"}, h("thead", {}, head("V", "V"), head("B", "B")), h("tbody", {}, rows.map(({implementation, number}) => h("tr", {}, h("th", {scope: "row"}, icon(implementation.family), h("code", {}, implementation.slug)), its.map((one) => cell(one, number))))))));
  figure.classList.add("heat-figure");
  return figure;
}

function stageTable(kernel, problem) {
  const its = problem.cases.filter((one) => one.stages);
  if (!its.length) return undefined;
  const parts = ["examples", "lookup", "sampling", "output", "scatter", "update"], what = ["find the word pairs", "read rows", "draw negatives", "score, loss, gradients", "add gradients up", "optimizer step"];
  const cellsOf = (one) => {
    const total = Object.values(one.stages).reduce((sum, value) => sum + value, 0), cells = [];
    const cell = (name, span) => { const value = one.stages[name], share = value / total; return h("td", {colspan: span, ...shade(share)}, h("b", {}, time(value)), h("span", {}, `${share < .01 ? "< 1" : (100 * share).toFixed(0)} %${span > 1 ? ` · ${name}` : ""}`)); };
    if (parts.some((part) => part in one.stages)) for (const part of parts) cells.push(part in one.stages ? cell(part, 1) : h("td", {class: "none"}, "–"));
    else { // a compiled loop cannot be split further
      const names = Object.keys(one.stages), span = Math.floor(parts.length / names.length);
      names.forEach((name, at) => cells.push(cell(name, at === names.length - 1 ? parts.length - span * at : span)));
    }
    return cells;
  };
  return figureOf("Where the time goes", "in each stage of a call, timed apart, so that a row need not add up to the time per call", h("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": `Stages of ${kernel.name}`}, h("table", {class: "stages"}, h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "Implementation"), parts.map((part, at) => h("th", {scope: "col"}, part, h("small", {}, what[at]))))), h("tbody", {}, its.map((one) => h("tr", {}, h("th", {scope: "row"}, nameOf(kernel, one.i)), cellsOf(one)))))));
}

function picks(kernel, problem) {
  const base = problem.references[state.ref], name = (number) => kernel.implementations[number].slug;
  const ratio = (number) => base === null || number === base ? undefined : problem.ties.includes(number) && problem.ties.includes(base) ? h("b", {}, "tie") : [h("b", {}, slower(caseOf(problem, number).r[state.ref][0])), h("span", {}, `than ${name(base)}`)];
  const one = (title, reference) => {
    const number = problem.references[reference];
    if (number === null) return undefined;
    const same = reference !== FASTEST && number === problem.use, ties = problem.ties.slice(1).map(name);
    const more = reference === FASTEST && [h("b", {}, time(caseOf(problem, number).t[0])), ties.length ? h("span", {}, `about as fast: ${ties.slice(0, 2).join(", ")}${ties.length > 2 ? ` and ${ties.length - 2} more` : ""}`) : undefined];
    return h("div", {}, h("dt", {}, title), h("dd", {}, same ? h("span", {class: "same"}, "the same") : [nameOf(kernel, number), more || undefined, ratio(number)]));
  };
  return h("dl", {class: "picks"}, one("Use", FASTEST), one("NumPy/SciPy only", NUMPY), one("Textbook", TEXTBOOK));
}

function showKernel(place) {
  const kernel = kernels.find((one) => one.name === place.dataset.kernel), problem = nearest(kernel), remark = data.start ? otherSize(problem) : "";
  const line = place.querySelector(".fold-answers");
  if (problem.use !== undefined) {
    const best = caseOf(problem, problem.use), [numpy, numpyRatio] = answerCell(kernel, problem, NUMPY), [book, bookRatio] = answerCell(kernel, problem, TEXTBOOK);
    line.replaceChildren(h("span", {}, nameOf(kernel, problem.use), h("b", {}, time(best.t[0]))), h("span", {}, numpy, h("b", {}, numpyRatio)), h("span", {}, book, h("b", {}, bookRatio)));
  }
  if (!place.open) { place.dataset.stale = "yes"; return; }
  delete place.dataset.stale;
  const answers = place.querySelector(".kernel-answers"), body = place.querySelector(".kernel-body");
  answers.replaceChildren(h("p", {class: "size"}, sizeText(problem), remark ? h("span", {}, ` (the nearest to what is chosen above; it differs in ${remark})`) : undefined));
  if (problem.use === undefined) { body.replaceChildren(caseTable(kernel, problem)); return; }
  answers.append(picks(kernel, problem));
  if (problem.why) answers.append(h("p", {class: "because"}, h("b", {}, "Why. "), prose(problem.why)));
  if (problem.undecided) answers.append(h("p", {class: "because"}, h("b", {}, "Undecided. "), prose(problem.undecided)));
  body.replaceChildren(...[caseTable(kernel, problem), h("p", {class: "foot"}, problem.note, " ", h("button", {type: "button", class: "copy", onclick: (event) => copy(event.target, kernel, problem)}, "Copy the table")), charts(kernel, problem), stageTable(kernel, problem)].filter(Boolean));
  for (const note of place.querySelectorAll(".slowest")) note.hidden = note.dataset.size !== problem.size;
  for (const block of place.querySelectorAll(".code-block[data-size]")) {
    const same = block.dataset.size === problem.size;
    block.classList.toggle("other-size", !same);
    const note = block.querySelector(".apart");
    if (note) { note.hidden = same; note.replaceChildren("not profiled at this size: ", h("code", {}, `w2vbench profile ${block.dataset.slug}@${problem.size}`)); }
  }
}

async function copy(button, kernel, problem) {
  const lines = [["implementation", "time per call", `than ${REFERENCES[state.ref]}`, "memory"], ["---", "---:", "---:", "---:"], ...sortedCases(problem).map((one) => [kernel.implementations[one.i].slug, ...(one.t ? [time(one.t[0]), ratioText(problem, one), bytes(held(one))] : [one.status, "", ""])])];
  const text = `${kernel.name} at ${sizeText(problem)}\n\n${lines.map((line) => `| ${line.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n")}\n`;
  await clipboard(text);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy the table"; }, 1200);
}

async function clipboard(text) {
  try { await navigator.clipboard.writeText(text); }
  catch { // a page opened from disk may not be allowed to
    const area = h("textarea", {}, text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

// -- across kernels

/** Lines of several kernels in one chart: the time of an example against V, at a batch, and with hollow marks where only another was measured. */
function storyLines(kernelName, B, wanted) {
  const kernel = kernels.find((one) => one.name === kernelName);
  if (!kernel) return [];
  const its = kernel.problems.map((number) => problems[number]).filter((one) => one.use !== undefined && one.rest === state.rest && one.H === state.H);
  const largest = Math.max(...its.filter((one) => one.B === B).map((one) => one.V)), other = batchOf(its.filter((one) => one.V > largest));
  const series = its.filter((one) => one.B === B || (one.B === other && one.V >= largest)).sort((a, b) => (a.B !== B) - (b.B !== B) || a.V - b.V);
  if (!series.length) return [];
  return wanted.flatMap(({reference, slug, name, dashed}) => {
    const number = slug ? kernel.implementations.findIndex((one) => one.slug === slug) : series.at(-1).references[reference];
    if (number === null || number < 0) return [];
    const points = series.flatMap((one) => { const found = caseOf(one, number); return found?.t ? [{x: one.V, y: found.t[0] / one.B, low: found.t[1] / one.B, high: found.t[2] / one.B, hollow: one.B !== B, title: `${name}: ${time(found.t[0] / one.B)} at V = ${plain(one.V)}, B = ${plain(one.B)}`, one, found}] : []; });
    return points.length < 2 ? [] : [{name, family: kernel.implementations[number].family, dashed, strong: true, value: time(points.at(-1).y), points}];
  });
}

/** The batch at which most of some problems were measured. */
function batchOf(its) {
  const counts = new Map();
  for (const one of its) counts.set(one.B, (counts.get(one.B) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0]?.[0];
}

function costTable(lines) {
  const rows = lines.map((line) => ({line, point: line.points.at(-1)}));
  return h("table", {class: "costs"}, h("thead", {}, h("tr", {}, ["At the largest V", "operations", "memory traffic", "time"].map((title) => h("th", {scope: "col"}, title)))), h("tbody", {}, rows.map(({line, point}) => h("tr", {}, h("th", {scope: "row"}, icon(line.family), line.name, h("span", {class: "soft"}, ` (${plain(point.one.B)} a call)`)), h("td", {}, point.found.flops === undefined ? "–" : point.found.flops ? amount(point.found.flops / point.one.B) : "none"), h("td", {}, point.found.bytes ? bytes(point.found.bytes / point.one.B) : "–"), h("td", {}, time(point.y))))));
}

function showStory() {
  const place = document.getElementById("story");
  if (!place) return;
  const problemsOf = (name) => (kernels.find((one) => one.name === name)?.problems ?? []).map((number) => problems[number]).filter((one) => one.use !== undefined && one.rest === state.rest && one.H === state.H);
  const [words, examples] = ["lookup", "output.negative-sampling"].map((name) => batchOf(problemsOf(name)));
  const lookups = storyLines("lookup", words, [{reference: TEXTBOOK, name: "one-hot × W"}, {slug: "gather", name: "W[idx]"}, {reference: COMPILED, name: "compiled loop"}]);
  const outputs = [...storyLines("output.softmax", examples, [{reference: TEXTBOOK, name: "full softmax"}, {reference: COMPILED, name: "full softmax, compiled"}]), ...storyLines("output.negative-sampling", examples, [{reference: TEXTBOOK, name: "the book’s negative sampling", dashed: true}, {reference: NUMPY, name: "negative sampling, NumPy"}, {reference: COMPILED, name: "negative sampling, compiled"}])];
  const every = [...lookups, ...outputs].flatMap((line) => line.points.map((point) => point.y)), panels = [];
  const hollow = (lines) => { const others = new Set(lines.flatMap((line) => line.points.filter((point) => point.hollow).map((point) => plain(point.one.B)))); return others.size ? ` (hollow marks: ${[...others].join(", ")})` : ""; };
  if (lookups.length > 1) {
    const [book, gather] = ["one-hot × W", "W[idx]"].map((name) => lookups.find((line) => line.name === name)?.points.at(-1));
    panels.push(figureOf("Looking a word up", `time per word, H = ${state.H}, ${plain(words)} words per call${hollow(lookups)}`, lineChart({series: lookups, every, title: "Time of a word's lookup against V", xTitle: "vocabulary V (different words)", format: time, width: 470, height: 380}),
      book?.found.bytes && gather?.found.bytes ? h("p", {}, "Multiplying by a one-hot vector ", h("b", {}, `moves ${bytes(book.found.bytes / book.one.B)} per word`), ` at V = ${plain(book.x)}: the whole table. `, h("code", {}, "W[idx]"), " ", h("b", {}, `moves ${bytes(gather.found.bytes / gather.one.B)}`), `: one row.${Math.abs(gather.found.gV ?? 1) < .15 ? " That is why its line is flat." : ""}`) : h("p", {}), costTable(lookups)));
  }
  if (outputs.length > 1 && outputs.some((line) => line.name.includes("negative sampling"))) {
    // ratios at the largest V that all were measured at with the same batch
    const pointsOf = (name) => outputs.find((line) => line.name === name)?.points.filter((point) => !point.hollow) ?? [];
    const common = Math.max(...pointsOf("full softmax").map((point) => point.x)), text = [];
    const named = (name) => pointsOf(name).find((point) => point.x === common) ?? outputs.find((line) => line.name === name)?.points.at(-1);
    const [full, compiled, sampled, numpy] = ["full softmax", "full softmax, compiled", "the book’s negative sampling", "negative sampling, NumPy"].map(named);
    if (full) text.push("Full softmax ", h("b", {}, "scores all V words"), ". ");
    if (sampled) text.push(`The book’s negative sampling scores ${sampled.one.K + 1}, yet each of its ${sampled.one.K + 1} layers `, h("b", {}, "clears a gradient as large as the table"), sampled.found.gV > .5 ? ", so its time still grows with V. " : ". ");
    if (numpy && numpy.found.gV < .3) text.push("Touch only the rows that occur, and the time hardly grows. ");
    if (full && compiled && numpy && full.one.B === numpy.one.B) text.push(`At V = ${plain(full.x)}, ${plain(full.one.B)} examples a call: full softmax is `, h("b", {}, full.found.r[COMPILED] ? `${slower(full.found.r[COMPILED][0])} than when it is compiled, and ${slower(full.y / numpy.y)} than scoring ${numpy.one.K + 1} words instead of all` : slower(full.y / numpy.y)), ". ", h("span", {class: "soft"}, "(Different kernels were timed apart: such ratios may be off by tens of per cent.)"));
    panels.push(figureOf("Scoring an example in the output layer", `time per example, H = ${state.H}, ${plain(examples ?? 0)} examples per call${hollow(outputs)}`, lineChart({series: outputs, every, title: "Time of an example in the output layer against V", xTitle: "vocabulary V (different words)", format: time, width: 660, height: 380, right: 200}), h("p", {}, text), costTable(outputs)));
  }
  document.getElementById("why").hidden = !panels.length;
  document.querySelectorAll('a[href="#why"]').forEach((link) => { link.hidden = !panels.length; });
  place.replaceChildren(...panels);
}

function showRoofline() {
  const place = document.getElementById("roofline-chart");
  if (!place) return;
  const points = kernels.flatMap((kernel) => {
    const problem = nearest(kernel);
    return problem.cases.filter((one) => one.t && one.flops && one.bytes).map((one) => ({x: one.flops / one.bytes, y: one.flops / one.t[0], family: kernel.implementations[one.i].family, name: one.i === problem.use ? kernel.name.split(".").at(-1) : "", title: `${kernel.name}/${kernel.implementations[one.i].slug} at ${sizeText(problem)}: ${three(one.flops / one.t[0] / 1e9)} billion operations a second`}));
  });
  const enough = points.length > 1 && Object.keys(data.ceilings.matmul).length > 0;
  document.getElementById("roofline").hidden = !enough;
  document.querySelectorAll('a[href="#roofline"]').forEach((link) => { link.hidden = !enough; });
  if (enough) place.replaceChildren(roofline({points, memory: data.ceilings.memory, matmul: data.ceilings.matmul, title: "Operations per byte against operations a second"}));
}

/** The options of w2vbench run for a problem's dtype, words and threads, and its K, where they are not the usual ones. */
function typeOptions(problem) {
  const [dtype, index, words, threads] = problem.rest.split(","), usual = {dtype: "f32", index: "i64", words: "zipf", threads: "t1"};
  const options = Object.entries({dtype, index, words, threads}).filter(([name, value]) => value !== usual[name] && name !== "index").map(([name, value]) => ` --${name} ${value.replace(/^t(?=\d)/, "")}`);
  return options.join("") + (problem.K && problem.K !== 5 ? ` --negatives ${problem.K}` : "");
}

function showYourSize() {
  const place = document.getElementById("your-size");
  if (!place) return;
  const form = place.querySelector("form");
  if (!form.elements.V.value && data.start) { // begins with a size that was measured
    const first = nearest(kernels.find((one) => one.name === form.elements.kernel.value));
    for (const name of ["V", "B", "H"]) form.elements[name].value = name === "H" && first.H === 1 ? state.H : first[name];
  }
  const out = place.querySelector("output"), value = (name) => Math.round(Number(form.elements[name].value));
  const kernel = kernels.find((one) => one.name === form.elements.kernel.value);
  if (!kernel || !["V", "B", "H"].every((name) => value(name) > 0)) { out.replaceChildren("V, B and H are numbers from 1 up."); return; }
  const before = {...state};
  Object.assign(state, {V: value("V"), B: value("B"), H: value("H")});
  const problem = nearest(kernel), exact = problem.V === state.V && problem.B === state.B && (problem.H === state.H || problem.H === 1);
  const far = [[problem.V, state.V], [problem.B, state.B], [problem.H, problem.H > 1 ? state.H : problem.H]].some(([mine, its]) => Math.max(mine / its, its / mine) > 3);
  const command = `w2vbench run --kernel ${kernel.name} --vocab ${state.V} --batch ${state.B}${state.H === 100 ? "" : ` --hidden ${state.H}`}${typeOptions(problem)}`;
  Object.assign(state, before);
  if (problem.use === undefined) { out.replaceChildren("Nothing was measured of this kernel."); return; }
  out.replaceChildren(h("p", {}, exact ? "Measured here: " : `Nearest measured size, ${sizeText(problem)}: `, "use ", nameOf(kernel, problem.use), ` (${time(caseOf(problem, problem.use).t[0])} a call${exact ? "" : " of that size"}).${far ? " That is far from yours: measure it." : ""}`), exact ? "" : h("p", {}, "Measure just that: ", h("code", {class: "command"}, command), " ", h("button", {type: "button", class: "copy", onclick: (event) => { clipboard(command); event.target.textContent = "Copied"; }}, "Copy")));
}

// -- the control bar

function control(name, values, text = plain) {
  const place = document.getElementById(`choose-${name}`);
  if (!place) return;
  if (values.length && !values.includes(state[name])) state[name] = typeof values[0] === "number" && name !== "ref" ? values.reduce((best, one) => (Math.abs(Math.log(one / state[name])) < Math.abs(Math.log(best / state[name])) ? one : best)) : values[0];
  place.hidden = values.length < 2;
  const select = place.querySelector("select"), buttons = place.querySelector(".segments");
  select.replaceChildren(...values.map((value) => h("option", {value, selected: value === state[name]}, text(value))));
  buttons?.replaceChildren(...(values.length > 6 ? [] : values.map((value) => h("button", {type: "button", "aria-pressed": String(value === state[name]), onclick: () => { state[name] = value; show(); }}, text(value)))));
  place.classList.toggle("as-list", !buttons || values.length > 6);
}

function showControls() {
  const several = kernels.filter((kernel) => kernel.problems.length > 1), offered = (several.length ? several : kernels).flatMap((kernel) => kernel.problems.map((number) => problems[number]));
  const measured = offered.filter((one) => one.use !== undefined), unique = (key) => [...new Set(measured.map((one) => one[key]))].sort((a, b) => (typeof a === "number" ? a - b : String(a).localeCompare(b)));
  control("V", unique("V"));
  control("B", unique("B"));
  control("H", unique("H").filter((value) => value > 1));
  control("rest", severalTypes ? unique("rest") : [], String);
  const present = REFERENCES.map((_, at) => at).filter((at) => at === FASTEST || problems.some((one) => one.references && one.references[at] !== null));
  control("ref", present, (at) => REFERENCES[at]);
}

function show() {
  showControls();
  showSummary();
  showStory();
  showRoofline();
  document.querySelectorAll("details.kernel").forEach(showKernel);
  showYourSize();
  writeAddress();
}

function openSection(scroll) {
  const place = section && document.getElementById(section);
  if (!place) return;
  if (place.matches("details")) place.open = true;
  if (scroll) { place.scrollIntoView(); place.tabIndex = -1; place.focus({preventScroll: true}); }
  document.querySelectorAll("nav a").forEach((link) => link.classList.toggle("current", link.getAttribute("href") === `#${section}`));
}

readAddress();
for (const select of document.querySelectorAll(".controls select")) select.addEventListener("change", () => { state[select.name] = select.name === "rest" ? select.value : Number(select.value); show(); });
for (const place of document.querySelectorAll("details.kernel")) place.addEventListener("toggle", () => { if (place.open && place.dataset.stale) showKernel(place); });
document.querySelector("#your-size form")?.addEventListener("input", showYourSize);
document.querySelector("#your-size form")?.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  section = link.getAttribute("href").slice(1);
  openSection(true);
  writeAddress();
});
for (const medium of ["(max-width: 900px)", "(max-width: 480px)"]) matchMedia(medium).addEventListener("change", () => show());
addEventListener("hashchange", () => { readAddress(); show(); openSection(true); });
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((folded) => { folded.open = true; if (folded.dataset.stale) showKernel(folded); }));
if (matchMedia("(max-width: 900px)").matches) document.querySelectorAll("details.kernel").forEach((place) => { place.open = kernels.length === 1; });
show();
openSection(Boolean(section));
document.documentElement.dataset.ready = "yes";
