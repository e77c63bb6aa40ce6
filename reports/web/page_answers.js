// The first screen: which implementation to use of each kernel.

const caseOf = (problem, number) => problem.cases.find((one) => one.i === number);
const nameOf = (kernel, number) => {
  const { family, slug, approximate } = kernel.implementations[number];
  return [icon(family), h("code", slug), approximate ? h("abbr", { title: "approximate" }, " ≈") : undefined];
};

/** The mark of a ratio that is hardly known. */
const vagueness = ([, low, high]) => (low && high > data.vague * low ? "~" : "");

/** A case's ratio to the chosen reference in words: "tie", "28×" slower than the fastest, "1.9× faster". */
function ratioText(problem, one, reference = state.ref) {
  if (reference === FASTEST) return one.place;
  return one.i === problem.references[reference] ? "1×" : (one.than[reference] ?? "–");
}

function answerCell(kernel, problem, reference) {
  const number = problem.references[reference];
  if (number === null) return [h("span.same", "none"), ""];
  if (number === problem.use) return [h("span.same", "the same"), ""];
  const one = caseOf(problem, number);
  const figure = reference !== FASTEST && reference === state.ref ? time(one.t[0]) : ratioText(problem, one);
  return [h("span.who", nameOf(kernel, number)), figure];
}

/** The ratios to the fastest of what a problem's row shows: of the textbook's, of the best of NumPy, and of the fastest itself. */
const shownOf = (problem) =>
  [TEXTBOOK, NUMPY, FASTEST]
    .map((reference) => caseOf(problem, problem.references?.[reference] ?? -1))
    .filter((one) => one?.r[FASTEST]);

/** The answers of a problem as dots on an axis of ratios that all rows share. */
function strip(kernel, problem, scale, ticks) {
  const drawing = s("svg", { class: "strip", viewBox: "0 0 124 26", width: 124, height: 26, "aria-hidden": "true" });
  for (const tick of ticks) drawing.append(s("path", { class: "grid", d: `M${scale(tick)} 0V26` }));
  const shown = shownOf(problem),
    places = shown.map((one) => scale(Math.min(ticks.at(-1), Math.max(ticks[0], one.r[FASTEST][0]))));
  if (places.length)
    drawing.append(s("path", { class: "span", d: `M${Math.min(...places)} 13H${Math.max(...places)}` }));
  shown.forEach((one, at) => drawing.append(mark(kernel.implementations[one.i].family, places[at], 13, 3.8)));
  return drawing;
}

/** The axis of the rows' dots. */
function ratioAxis(scale, ticks) {
  const shown = ticks.filter((_, at) => at % Math.ceil(ticks.length / 3) === 0);
  const labels = shown.map((tick, at) => {
    const anchor = at === 0 ? "start" : tick === ticks.at(-1) ? "end" : "middle";
    return label(scale(tick), 11, `${narrow(tick).replace(".0", "")}×`, { class: "axis", "text-anchor": anchor });
  });
  return s("svg", { viewBox: "0 0 124 14", width: 124, height: 14, "aria-hidden": "true" }, ...labels);
}

/** What stands beside the name of what to use, if others may be as fast. */
function badgeOf(kernel, problem) {
  const [open, command] = problem.undecided,
    others = problem.ties.slice(1).map((number) => kernel.implementations[number].slug);
  if (open) return h("span.badge", { title: `${open} ${command}`.trim().replaceAll("`", "") }, "?");
  return others.length ? h("span.badge", { title: `about as fast: ${others.join(", ")}` }, "tie") : undefined;
}

function answerRow(kernel, problem, axis) {
  const [name, ...form] = kernel.name.split("."),
    remark = otherSize(problem);
  const link = h("a", { href: `#${kernel.name}` }, form.join(".") || name),
    first = h("th.kernel-name", { scope: "row" }, link, remark ? h("i", remark) : undefined);
  if (problem.use === undefined)
    return h("tr.answer", first, h("td.same", { colspan: 7 }, problem.cases[0]?.reason ?? "not measured"));
  const best = caseOf(problem, problem.use),
    [value, unit] = scaled(best.t[0], "s");
  const [numpy, numpyRatio] = answerCell(kernel, problem, NUMPY),
    [book, bookRatio] = answerCell(kernel, problem, TEXTBOOK);
  return h(
    "tr.answer",
    first,
    h("td.use", nameOf(kernel, problem.use), badgeOf(kernel, problem)),
    state.ref === FASTEST
      ? h("td.number", h("b", value), h("span.unit", unit))
      : h("td.number.ratio", ratioText(problem, best)),
    h("td.numpy", numpy),
    h("td.ratio.numpy", numpyRatio),
    h("td.book", book),
    h("td.ratio.book", bookRatio),
    state.ref === FASTEST ? h("td.dots", strip(kernel, problem, ...axis)) : undefined,
  );
}

function showSummary() {
  const place = document.getElementById("answers");
  if (!place) return;
  const rows = kernels.map((kernel) => ({ kernel, problem: nearest(kernel) })),
    ratios = rows.flatMap(({ problem }) => shownOf(problem).map((one) => Math.max(1, one.r[FASTEST][0])));
  const { scale, ticks } = decades([1, 10, ...ratios], 8, 116),
    than = state.ref === FASTEST ? "times slower" : `than ${REFERENCES[state.ref]}`;
  const column = (title, reference) =>
    h("th", { scope: "col", colspan: 2 }, title, h("small", state.ref === reference ? "time per call" : than));
  const head = [
    columnHeads(["Kernel"]),
    column("Use", FASTEST),
    column("NumPy/SciPy only", NUMPY),
    column("Textbook", TEXTBOOK),
    state.ref === FASTEST ? h("th.dots", { scope: "col" }, "Times slower", ratioAxis(scale, ticks)) : undefined,
  ];
  const body = rows.map(({ kernel, problem }, at) => {
    const [group, before] = [kernel, rows[at - 1]?.kernel].map((one) => one?.name.split(".")[0]);
    const titled = () =>
      h("tr.group", h("th", { scope: "colgroup", colspan: 8 }, h("b", group), h("span", GROUPS[group] ?? kernel.title)));
    return [group === before ? [] : titled(), answerRow(kernel, problem, [scale, ticks])];
  });
  place.replaceChildren(tableOf("answers", [head], body));
  document.getElementById("at-size").textContent = sizeShown(rows.map(({ problem }) => problem));
}

/** At which size the answers are. */
function sizeShown(every) {
  if (!data.start) return "nothing was measured";
  const elsewhere = every.filter(otherSize).length,
    chosen = `V = ${plain(state.V)}, B = ${plain(state.B)}${state.H > 1 ? `, H = ${plain(state.H)}` : ""}`;
  if (elsewhere === every.length) return `nothing at ${chosen}: each row says its nearest size`;
  return `at ${chosen}${elsewhere ? ", unless a row says otherwise" : ""}`;
}
