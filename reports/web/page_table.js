// One kernel's table: a row an implementation.

const growth = (power, of) =>
  power === undefined
    ? "–"
    : Math.abs(power) < 0.15
      ? "flat"
      : h("span", {}, `as ${of}`, Math.abs(power - 1) < 0.15 ? undefined : h("sup", {}, power.toFixed(1)));

const WORKING = {
  memory: "moving rows",
  cache: "moving rows, cached",
  arithmetic: "arithmetic",
  call: "calling",
  interpreter: "Python’s loop",
};

function limitCell(one) {
  if (!one.limit) return "–";
  if (one.limit === "interpreter") return h("span", { class: "soft" }, "Python’s own loop");
  return [
    h("span", { class: "gauge", style: `--p: ${Math.min(100, 100 * one.share)}%` }),
    h("span", { class: "percent" }, `${(100 * one.share).toFixed(0)} %`),
    h("span", { class: "soft" }, `${WORKING[one.limit] ?? one.limit}${one.over ? " (exceeded)" : ""}`),
  ];
}

function memoryCell(one) {
  if (one.m === undefined && one.kept === undefined) return "–";
  return [
    h("span", { class: "peak" }, bytes(one.m ?? 0)),
    one.kept ? h("span", { class: "soft" }, ` + ${bytes(one.kept)}`) : undefined,
    one.resident
      ? h("abbr", { title: "growth of the process’s resident set: not all of it can be traced" }, "*")
      : undefined,
  ];
}

/** The interval of a ratio as a bar on an axis that the table's rows share. */
function whisker(kernel, one, scale) {
  const ratio = one.r[state.ref],
    drawing = s("svg", { class: "whisker-cell", viewBox: "0 0 96 18", width: 96, height: 18, "aria-hidden": "true" });
  if (!ratio) return drawing;
  drawing.append(s("path", { class: "span", d: `M${scale(1)} 9H${scale(ratio[0])}` }));
  if (ratio[1])
    drawing.append(
      s("path", {
        class: `whisker ${FAMILY[kernel.implementations[one.i].family]}`,
        d: `M${Math.max(0, scale(ratio[1]))} 9H${Math.min(96, scale(ratio[2]))}`,
      }),
    );
  drawing.append(mark(kernel.implementations[one.i].family, scale(ratio[0]), 9, 3.6));
  return drawing;
}

const COLUMNS = {
  // what sorts a table, by column
  name: (one) => one.i,
  time: (one) => one.t?.[0],
  words: (one) => -one.words,
  ratio: (one) => one.r?.[state.ref]?.[0],
  memory: (one) => (one.m ?? 0) + (one.kept ?? 0),
  grows: (one) => one.gV,
  limit: (one) => -one.share,
};

function sortedCases(problem) {
  const key = COLUMNS[state.sort.replace("-", "")] ?? COLUMNS.time,
    down = state.sort.startsWith("-") ? -1 : 1;
  const value = (one) => {
    const found = one.t ? key(one) : undefined;
    return found === undefined || Number.isNaN(found) ? Infinity : found;
  };
  return problem.cases
    .slice()
    .sort(
      (a, b) =>
        (a.t ? 0 : 1) - (b.t ? 0 : 1) || (value(a) === value(b) ? a.i - b.i : (value(a) < value(b) ? -1 : 1) * down),
    );
}

/** What the best of NumPy and SciPy is called: of several that tie, it is the simplest, and not the first row. */
function numpyBadge(kernel, problem) {
  const time = (one) => one.t?.[0] ?? Infinity;
  const mine = problem.cases.filter((one) => kernel.implementations[one.i].family === FAMILY.indexOf("numpy"));
  const first = mine.reduce((best, one) => (time(one) < time(best) ? one : best));
  return first.i === problem.references[NUMPY] ? "best NumPy/SciPy" : "best NumPy/SciPy: simplest of a tie";
}

function caseTable(kernel, problem) {
  const measured = problem.cases.filter((one) => one.t),
    words = measured.some((one) => one.words),
    byB = !measured.some((one) => one.gV !== undefined) && measured.some((one) => one.gB !== undefined);
  const grows = measured.some((one) => one.gV !== undefined || one.gB !== undefined),
    of = byB ? "B" : "V",
    limits = measured.some((one) => one.limit);
  const ratios = measured.map((one) => one.r[state.ref]?.[0]).filter(Boolean),
    { scale } = decades([1, 10, ...ratios], 6, 90);
  const column = (name, title, small, kind = "") => {
    const active = state.sort.replace("-", "") === name || (!state.sort && name === "time"),
      down = state.sort === `-${name}`;
    return h(
      "th",
      { scope: "col", class: kind, "aria-sort": active ? (down ? "descending" : "ascending") : undefined },
      h(
        "button",
        {
          type: "button",
          class: "sort",
          onclick: () => {
            state.sort = active && !down ? `-${name}` : name;
            show();
          },
        },
        title,
      ),
      small ? h("small", {}, small) : undefined,
    );
  };
  const reference = problem.references?.[state.ref];
  const than =
    REFERENCES[state.ref] +
    (state.ref > TEXTBOOK && typeof reference === "number" ? ` (${kernel.implementations[reference].slug})` : "");
  const head = h(
    "tr",
    {},
    column("name", "Implementation"),
    column(
      "time",
      "Time per call",
      words ? "" : problem.B > 1 && problem.unit ? `${plain(problem.B)} ${problem.unit}s` : "",
      "number",
    ),
    words ? column("words", "Words per second", "", "number") : undefined,
    column(
      "ratio",
      state.ref === FASTEST ? "Times slower than the fastest" : `Compared with ${than}`,
      "coloured: 95 % interval",
      "ratios",
    ),
    column("memory", "Memory", "call + kept from set-up"),
    grows ? column("grows", "Grows", `with ${of}`) : undefined,
    limits ? column("limit", "Hardware limit", "share of this machine’s best") : undefined,
  );
  const body = sortedCases(problem).map((one) => {
    const implementation = kernel.implementations[one.i];
    const name = h(
      "th",
      { scope: "row" },
      h(
        "div",
        { class: "name" },
        icon(implementation.family),
        h("code", {}, implementation.slug),
        h("span", { class: "title", title: implementation.title }, implementation.title),
        implementation.slide ? h("span", { class: "badge" }, `slide ${implementation.slide}`) : undefined,
        problem.references?.[NUMPY] === one.i && problem.use !== one.i
          ? h("span", { class: "badge best" }, numpyBadge(kernel, problem))
          : undefined,
      ),
    );
    if (!one.t)
      return h(
        "tr",
        { class: `off ${one.status === "skipped" ? "skipped" : ""}` },
        name,
        h(
          "td",
          { colspan: 6 },
          `${one.status === "wrong" && one.marked ? "wrong on purpose" : one.status === "skipped" ? "not measured" : one.status}: ${one.reason}`,
        ),
      );
    const [value, unit] = scaled(one.t[0], "s"),
      ratio = one.r[state.ref],
      interval = ratio?.[1] !== undefined && reference !== one.i ? ratio : undefined;
    const ends =
      interval &&
      (interval[0] < 1 && state.ref !== FASTEST ? [1 / interval[2], 1 / interval[1]] : [interval[1], interval[2]]);
    return h(
      "tr",
      { class: one.i === problem.use ? "best" : "" },
      name,
      h(
        "td",
        { class: "number" },
        h("b", {}, value),
        h("span", { class: "unit" }, unit),
        one.cpu ? h("div", { class: "soft" }, `${time(one.cpu)} CPU`) : undefined,
      ),
      words ? h("td", { class: "number words" }, one.words ? plain(Number(one.words.toPrecision(2))) : "–") : undefined,
      h(
        "td",
        { class: "ratios" },
        h("b", { class: "r" }, ratioText(problem, one)),
        whisker(kernel, one, scale),
        h("span", { class: "soft interval" }, ends ? span(...ends) : ""),
      ),
      h("td", { class: "memory" }, memoryCell(one)),
      grows ? h("td", { class: "grows" }, growth(byB ? one.gB : one.gV, of)) : undefined,
      limits ? h("td", { class: "limit" }, limitCell(one)) : undefined,
    );
  });
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": `Implementations of ${kernel.name}` },
    h("table", { class: "cases" }, h("thead", {}, head), h("tbody", {}, body)),
  );
}
