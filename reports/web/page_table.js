// One kernel's table: a row an implementation, and the columns of data.columns, which reports/run/case_table.py makes.

const grows = (power, of) => {
  if (Math.abs(power) < 0.15) return "flat";
  return h("span", `as ${of}`, Math.abs(power - 1) < 0.15 ? undefined : h("sup", power.toFixed(1)));
};

function limitCell({ limit, share }) {
  if (!limit || share === undefined) return limit ? h("span.soft", limit) : "–";
  return [
    h("span.gauge", { style: `--p: ${Math.min(100, 100 * share)}%` }),
    h("span.percent", percent(share)),
    h("span.soft", limit),
  ];
}

function memoryCell({ m, kept, resident }) {
  if (m === undefined && kept === undefined) return "–";
  const growth = { title: "growth of the process’s resident set: not all of it can be traced" };
  return [
    h("span.peak", bytes(m ?? 0)),
    kept ? h("span.soft", ` + ${bytes(kept)}`) : undefined,
    resident ? h("abbr", growth, "*") : undefined,
  ];
}

/** The interval of a ratio as a bar on an axis that the table's rows share. */
function whisker(kernel, one, scale) {
  const [ratio, low, high] = one.r[state.ref] ?? [],
    { family } = kernel.implementations[one.i],
    drawing = s("svg", { class: "whisker-cell", viewBox: "0 0 96 18", width: 96, height: 18, "aria-hidden": "true" });
  if (!ratio) return drawing;
  drawing.append(s("path", { class: "span", d: `M${scale(1)} 9H${scale(ratio)}` }));
  const reach = low && `M${Math.max(0, scale(low))} 9H${Math.min(96, scale(high))}`;
  if (reach) drawing.append(s("path", { class: `whisker ${FAMILY[family]}`, d: reach }));
  drawing.append(mark(family, scale(ratio), 9, 3.6));
  return drawing;
}

function timeCell(one) {
  const [value, unit] = scaled(one.t[0], "s");
  return [h("b", value), h("span.unit", unit), one.cpu ? h("div.soft", `${time(one.cpu)} CPU`) : undefined];
}

function ratioCell(one, { kernel, problem, scale }) {
  const [ratio, low, high] = one.r[state.ref] ?? [],
    faster = ratio < 1 && state.ref !== FASTEST;
  const known = low !== undefined && one.i !== problem.references[state.ref],
    ends = faster ? [1 / high, 1 / low] : [low, high];
  return [h("b.r", ratioText(problem, one)), whisker(kernel, one, scale), h("span.soft.interval", known ? span(...ends) : "")];
}

/** The examples of a call, unless a column says what is done in a second. */
const batchOfCall = ({ problem: { B, unit }, measured }) =>
  measured.some((one) => one.shown) || B === 1 || !unit ? "" : `${plain(B)} ${unit}s`;

/** What sorts a column, whether a case has a figure, its cells, and what stands below its title. Others are shown as they are. */
const DRAWN = {
  name: { key: (one) => one.i },
  time: { key: (one) => one.t[0], cell: timeCell, below: batchOfCall },
  ratio: { key: (one) => one.r[state.ref]?.[0], cell: ratioCell },
  memory: { key: (one) => held(one), cell: memoryCell },
  grows: {
    key: (one) => one.gV,
    has: (one) => (one.gV ?? one.gB) !== undefined,
    cell: (one, { of }) => (one[`g${of}`] === undefined ? "–" : grows(one[`g${of}`], of)),
    below: ({ of }) => `with ${of}`,
  },
  limit: { key: (one) => -one.share, has: (one) => one.limit, cell: limitCell },
};
const asItIs = (name) => ({
  key: (one) => -one.shown?.[name]?.[0],
  has: (one) => one.shown?.[name],
  cell: (one) => one.shown?.[name]?.[1] ?? "–",
});
const columns = data.columns.map((one) => ({ ...one, ...(DRAWN[one.name] ?? asItIs(one.name)) }));

function sortedCases(problem) {
  const { key } = columns.find((one) => one.name === state.sort.replace("-", "")) ?? DRAWN.time,
    down = state.sort.startsWith("-") ? -1 : 1;
  const value = (one) => {
    const found = one.t ? key(one) : undefined;
    return found === undefined || Number.isNaN(found) ? Infinity : found;
  };
  const order = (a, b) => (value(a) === value(b) ? a.i - b.i : (value(a) < value(b) ? -1 : 1) * down);
  return problem.cases.slice().sort((a, b) => (a.t ? 0 : 1) - (b.t ? 0 : 1) || order(a, b));
}

/** A column's head, which sorts the table. */
function columnHead({ name, title, note, kind }) {
  const active = state.sort.replace("-", "") === name || (!state.sort && name === "time"),
    down = state.sort === `-${name}`;
  const sort = () => {
    state.sort = active && !down ? `-${name}` : name;
    show();
  };
  return h(
    "th",
    { scope: "col", class: kind, "aria-sort": active ? (down ? "descending" : "ascending") : undefined },
    h("button.sort", { type: "button", onclick: sort }, title),
    note ? h("small", note) : undefined,
  );
}

function nameCell(kernel, problem, one) {
  const { family, slug, title, slide } = kernel.implementations[one.i],
    best = problem.references?.[NUMPY] === one.i && problem.use !== one.i;
  return h(
    "th",
    { scope: "row" },
    h(
      "div.name",
      icon(family),
      h("code", slug),
      h("span.title", { title }, title),
      slide ? h("span.badge", `slide ${slide}`) : undefined,
      best ? h("span.badge.best", `best NumPy/SciPy${problem.numpyTies ? ": simplest of a tie" : ""}`) : undefined,
    ),
  );
}

function caseTable(kernel, problem) {
  const measured = problem.cases.filter((one) => one.t),
    ratios = measured.map((one) => one.r[state.ref]?.[0]).filter(Boolean),
    { scale } = decades([1, 10, ...ratios], 6, 90);
  const of = !measured.some((one) => one.gV !== undefined) && measured.some((one) => one.gB !== undefined) ? "B" : "V",
    table = { kernel, problem, measured, scale, of };
  const shown = columns.filter((one) => one.always || measured.some(one.has));
  const reference = problem.references?.[state.ref],
    named = state.ref > TEXTBOOK && typeof reference === "number";
  const than = REFERENCES[state.ref] + (named ? ` (${kernel.implementations[reference].slug})` : "");
  const head = shown.map((column) => {
    const title = column.name === "ratio" && state.ref !== FASTEST ? `Compared with ${than}` : column.title;
    return columnHead({ ...column, title, note: column.below?.(table) ?? column.note });
  });
  const body = sortedCases(problem).map((one) => {
    const name = nameCell(kernel, problem, one);
    if (!one.t) return h("tr.off", name, h("td", { colspan: 6 }, one.why));
    const cells = shown
      .slice(1)
      .map(({ kind, heading, cell }) => h("td", { class: kind, "data-head": heading }, cell(one, table)));
    return h("tr", { class: one.i === problem.use ? "best" : "" }, name, cells);
  });
  return scrolled(`Implementations of ${kernel.name}`, "cases", [head], body);
}
