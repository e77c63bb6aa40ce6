// One kernel's charts: time and memory, every size as a heat table, and the stages of a training step.

/** The problems that differ from one only in V, or only in B: whichever are more. */
function seriesOf(kernel, problem) {
  const every = kernel.problems
    .map((number) => problems[number])
    .filter((one) => one.use !== undefined && one.rest === problem.rest && one.H === problem.H && one.K === problem.K);
  const byV = every.filter((one) => one.B === problem.B),
    byB = every.filter((one) => one.V === problem.V);
  return byB.length > byV.length ? { axis: "B", its: byB } : { axis: "V", its: byV };
}

function linesOf(kernel, problem, axis, its, figure, format, more = () => ({})) {
  return kernel.implementations
    .map((implementation, number) => ({
      name: implementation.slug,
      family: implementation.family,
      strong: problem.references.slice(0, 3).includes(number),
      points: its.flatMap((one) => {
        const found = caseOf(one, number),
          y = found?.t ? figure(found) : 0;
        return y > 0
          ? [
              {
                x: one[axis],
                y,
                hollow: false,
                title: `${implementation.slug}: ${format(y)} at ${axis} = ${plain(one[axis])}`,
                ...more(found),
              },
            ]
          : [];
      }),
    }))
    .filter((one) => one.points.length);
}

const held = (one) => (one.m ?? 0) + (one.kept ?? 0);
const figureOf = (title, note, ...content) =>
  h("figure", {}, h("figcaption", {}, h("b", {}, title), h("span", {}, note)), ...content);

function charts(kernel, problem) {
  const { axis, its } = seriesOf(kernel, problem),
    other = axis === "V" ? `B = ${plain(problem.B)}` : `V = ${plain(problem.V)}`,
    xTitle = axis === "V" ? "vocabulary V" : "batch B";
  const measured = problem.cases.filter((one) => one.t),
    found = [];
  const row = (one, more) => ({
    name: kernel.implementations[one.i].slug,
    family: kernel.implementations[one.i].family,
    ...more,
  });
  if (its.length > 1) {
    found.push(
      figureOf(
        "Time per call",
        other,
        lineChart({
          title: `${kernel.name}: time per call against ${xTitle}; the figures are in the tables`,
          xTitle,
          format: time,
          series: linesOf(
            kernel,
            problem,
            axis,
            its,
            (one) => one.t[0],
            time,
            (one) => ({ low: one.t[1], high: one.t[2] }),
          ),
        }),
      ),
    );
    const lines = linesOf(kernel, problem, axis, its, held, bytes);
    if (lines.length)
      found.push(
        figureOf(
          "Memory",
          `call + kept from set-up, ${other}`,
          lineChart({ title: `${kernel.name}: memory against ${xTitle}`, xTitle, format: bytes, series: lines }),
        ),
      );
  } else if (measured.length > 1) {
    const words = measured.every((one) => one.words);
    found.push(
      words
        ? figureOf(
            "Time to train on one million words",
            "at the speed measured here",
            dotChart({
              title: `${kernel.name}: time for a million words`,
              format: long,
              marks: [1e-3, 1e-2, 0.1, 1, 10, 60, 600, 3600, 36000, 360000],
              rows: measured.map((one) => row(one, { value: 1e6 / one.words })),
            }),
          )
        : figureOf(
            "Time per call",
            sizeText(problem),
            dotChart({
              title: `${kernel.name}: time per call`,
              format: time,
              rows: measured.map((one) => row(one, { value: one.t[0] })),
            }),
          ),
    );
    const kept = measured.filter((one) => held(one) > 0);
    if (kept.length)
      found.push(
        figureOf(
          "Memory",
          "faint: kept from set-up; solid: in the call",
          barChart({
            title: `${kernel.name}: memory`,
            rows: kept.map((one) =>
              row(one, {
                kept: one.kept ?? 0,
                peak: one.m ?? 0,
                text: `${bytes(one.m ?? 0)}${one.kept ? ` + ${bytes(one.kept)}` : ""}`,
              }),
            ),
          }),
        ),
      );
  }
  const heat = heatTable(kernel, problem);
  if (heat) found.push(heat);
  return found.length ? h("div", { class: "charts" }, found) : undefined;
}

/** A long time: "12 s", "25 min", "1.2 h". */
const long = (value) =>
  value < 59.5
    ? value < 1
      ? time(value)
      : `${two(value)} s`
    : value < 3600
      ? `${two(value / 60)} min`
      : `${two(value / 3600)} h`;

/** A cell's shade from 0 to 1, in steps away from the middle, where neither dark nor light text could be read. */
function shade(heat) {
  const light = heat < 0.66 ? (0.62 * heat) / 0.66 : 0.74 + (0.26 * (heat - 0.66)) / 0.34,
    dark = heat < 0.5 ? 0.8 * heat : 0.58 + (0.42 * (heat - 0.5)) / 0.5;
  return {
    class: `heat${heat >= 0.66 ? " hot" : ""}${heat >= 0.5 ? " hot-dark" : ""}`,
    style: `--light: ${(100 * light).toFixed(0)}%; --dark: ${(100 * dark).toFixed(0)}%`,
  };
}

function heatTable(kernel, problem) {
  const its = kernel.problems
    .map((number) => problems[number])
    .filter((one) => one.use !== undefined && one.rest === problem.rest && one.H === problem.H)
    .sort((a, b) => a.V - b.V || a.B - b.B);
  const rows = kernel.implementations
    .map((implementation, number) => ({ implementation, number }))
    .filter(({ number }) => its.some((one) => caseOf(one, number)?.t));
  if (its.length < 2 || rows.length < 2) return undefined;
  rows.sort(
    (a, b) => (caseOf(problem, a.number)?.t?.[0] ?? Infinity) - (caseOf(problem, b.number)?.t?.[0] ?? Infinity),
  );
  const head = (name, key) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", class: "dimension" }, name),
      its.map((one) =>
        h(
          "th",
          { scope: "col", class: one === problem ? "now" : "" },
          h("span", {}, narrow(one[key]).replace(".0", "")),
        ),
      ),
    );
  const cell = (one, number) => {
    const found = caseOf(one, number);
    if (!found?.t) return h("td", { class: "none" }, "–");
    const ratio = found.r[FASTEST][0],
      heat = Math.min(1, Math.max(0, Math.log10(ratio) / 5));
    const text =
      one.use === number
        ? "1×"
        : one.ties.includes(number)
          ? "tie"
          : ratio < 1.1
            ? `${vagueness(found.r[FASTEST])}+${((ratio - 1) * 100).toFixed(0)} %`.replace("+-", "−")
            : `${vagueness(found.r[FASTEST])}${narrow(ratio)}×`;
    const { class: kind, style } = shade(heat);
    return h("td", { class: `${kind}${one.ties.includes(number) ? " one" : ""}`, style }, text);
  };
  const figure = figureOf(
    "Times slower than the fastest",
    "at each size; the stronger the shade, the slower; k = thousand",
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": `${kernel.name} at each size` },
      h(
        "table",
        { class: "heats" },
        h("thead", {}, head("V", "V"), head("B", "B")),
        h(
          "tbody",
          {},
          rows.map(({ implementation, number }) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, icon(implementation.family), h("code", {}, implementation.slug)),
              its.map((one) => cell(one, number)),
            ),
          ),
        ),
      ),
    ),
  );
  figure.classList.add("heat-figure");
  return figure;
}

function stageTable(kernel, problem) {
  const its = problem.cases.filter((one) => one.stages);
  if (!its.length) return undefined;
  const parts = ["examples", "lookup", "sampling", "output", "scatter", "update"],
    what = [
      "find the word pairs",
      "read rows",
      "draw negatives",
      "score, loss, gradients",
      "add gradients up",
      "optimizer step",
    ];
  const cellsOf = (one) => {
    const total = Object.values(one.stages).reduce((sum, value) => sum + value, 0),
      cells = [];
    const cell = (name, span) => {
      const value = one.stages[name],
        share = value / total;
      return h(
        "td",
        { colspan: span, ...shade(share) },
        h("b", {}, time(value)),
        h("span", {}, `${share < 0.01 ? "< 1" : (100 * share).toFixed(0)} %${span > 1 ? ` · ${name}` : ""}`),
      );
    };
    if (parts.some((part) => part in one.stages))
      for (const part of parts) cells.push(part in one.stages ? cell(part, 1) : h("td", { class: "none" }, "–"));
    else {
      // a compiled loop cannot be split further
      const names = Object.keys(one.stages),
        span = Math.floor(parts.length / names.length);
      names.forEach((name, at) => cells.push(cell(name, at === names.length - 1 ? parts.length - span * at : span)));
    }
    return cells;
  };
  return figureOf(
    "Where the time goes",
    "in each stage of a call, timed apart, so that a row need not add up to the time per call",
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": `Stages of ${kernel.name}` },
      h(
        "table",
        { class: "stages" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, "Implementation"),
            parts.map((part, at) => h("th", { scope: "col" }, part, h("small", {}, what[at]))),
          ),
        ),
        h(
          "tbody",
          {},
          its.map((one) => h("tr", {}, h("th", { scope: "row" }, nameOf(kernel, one.i)), cellsOf(one))),
        ),
      ),
    ),
  );
}
