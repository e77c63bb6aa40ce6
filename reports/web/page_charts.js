// One kernel's charts: time and memory, every size as a heat table, and the stages of a training step.

/** The problems that differ from one only in V, or only in B: whichever are more. */
function seriesOf(kernel, problem) {
  const every = measuredOf(kernel).filter(
    (one) => one.rest === problem.rest && one.H === problem.H && one.K === problem.K,
  );
  const byV = every.filter((one) => one.B === problem.B),
    byB = every.filter((one) => one.V === problem.V);
  return byB.length > byV.length ? { axis: "B", its: byB } : { axis: "V", its: byV };
}

/** A line for each implementation, of a figure and its interval. */
function linesOf(kernel, problem, { axis, its }, figures, format) {
  const lines = kernel.implementations.map(({ slug, family }, number) => {
    const points = its.flatMap((one) => {
      const found = caseOf(one, number),
        [y, low, high] = found?.t ? figures(found) : [0];
      if (!(y > 0)) return [];
      const title = `${slug}: ${format(y)} at ${axis} = ${plain(one[axis])}`;
      return [{ x: one[axis], y, low, high, hollow: false, title }];
    });
    return { name: slug, family, strong: problem.references.slice(0, 3).includes(number), points };
  });
  return lines.filter((one) => one.points.length);
}

const held = (one) => (one.m ?? 0) + (one.kept ?? 0);
const figureOf = (title, note, ...content) => h("figure", h("figcaption", h("b", title), h("span", note)), content);

function charts(kernel, problem) {
  const found = [...(seriesOf(kernel, problem).its.length > 1 ? growing : atOneSize)(kernel, problem)];
  const heat = heatTable(kernel, problem);
  if (heat) found.push(heat);
  return found.length ? h("div.charts", found) : undefined;
}

/** Time and memory against the size. */
function* growing(kernel, problem) {
  const series = seriesOf(kernel, problem),
    [fixed, xTitle] = series.axis === "V" ? ["B", "vocabulary V"] : ["V", "batch B"],
    other = `${fixed} = ${plain(problem[fixed])}`;
  const title = `${kernel.name}: time per call against ${xTitle}; the figures are in the tables`,
    times = linesOf(kernel, problem, series, (one) => one.t, time);
  yield figureOf("Time per call", other, lineChart({ title, xTitle, format: time, series: times }));
  const lines = linesOf(kernel, problem, series, (one) => [held(one)], bytes);
  if (!lines.length) return;
  const chart = lineChart({ title: `${kernel.name}: memory against ${xTitle}`, xTitle, format: bytes, series: lines });
  yield figureOf("Memory", `call + kept from set-up, ${other}`, chart);
}

/** Time and memory where there is one size. */
function* atOneSize(kernel, problem) {
  const measured = problem.cases.filter((one) => one.t);
  if (measured.length < 2) return;
  const rows = (its, figures) =>
    its.map((one) => {
      const { slug, family } = kernel.implementations[one.i];
      return { name: slug, family, ...figures(one) };
    });
  const wordsOf = (one) => one.shown?.words_per_s?.[0];
  if (measured.every(wordsOf)) {
    const title = `${kernel.name}: time for a million words`,
      marks = [1e-3, 1e-2, 0.1, 1, 10, 60, 600, 3600, 36000, 360000],
      its = rows(measured, (one) => ({ value: 1e6 / wordsOf(one) }));
    const chart = dotChart({ title, format: long, marks, rows: its });
    yield figureOf("Time to train on one million words", "at the speed measured here", chart);
  } else {
    const its = rows(measured, (one) => ({ value: one.t[0] })),
      chart = dotChart({ title: `${kernel.name}: time per call`, format: time, rows: its });
    yield figureOf("Time per call", sizeText(problem), chart);
  }
  const kept = measured.filter((one) => held(one) > 0);
  if (!kept.length) return;
  const bars = rows(kept, ({ m = 0, kept = 0 }) => ({
    ...{ kept, peak: m },
    text: `${bytes(m)}${kept ? ` + ${bytes(kept)}` : ""}`,
  }));
  const chart = barChart({ title: `${kernel.name}: memory`, rows: bars });
  yield figureOf("Memory", "faint: kept from set-up; solid: in the call", chart);
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
  const its = measuredOf(kernel)
    .filter((one) => one.rest === problem.rest && one.H === problem.H)
    .sort((a, b) => a.V - b.V || a.B - b.B);
  const here = ([, number]) => caseOf(problem, number)?.t?.[0] ?? Infinity;
  const rows = kernel.implementations
    .map((implementation, number) => [implementation, number])
    .filter(([, number]) => its.some((one) => caseOf(one, number)?.t))
    .sort((a, b) => here(a) - here(b));
  if (its.length < 2 || rows.length < 2) return undefined;
  const head = (name) => [
    h("th.dimension", { scope: "row" }, name),
    its.map((one) =>
      h("th", { scope: "col", class: one === problem ? "now" : "" }, h("span", narrow(one[name]).replace(".0", ""))),
    ),
  ];
  const text = (one, number, ratio) => {
    if (one.use === number) return "1×";
    if (one.ties.includes(number)) return "tie";
    const near = `+${((ratio[0] - 1) * 100).toFixed(0)} %`.replace("+-", "−");
    return vagueness(ratio) + (ratio[0] < 1.1 ? near : `${narrow(ratio[0])}×`);
  };
  const cell = (one, number) => {
    const ratio = caseOf(one, number)?.r?.[FASTEST];
    if (!ratio) return h("td.none", "–");
    const { class: kind, style } = shade(Math.min(1, Math.max(0, Math.log10(ratio[0]) / 5)));
    return h("td", { class: `${kind}${one.ties.includes(number) ? " one" : ""}`, style }, text(one, number, ratio));
  };
  const body = rows.map(([{ family, slug }, number]) =>
    h(
      "tr",
      h("th", { scope: "row" }, icon(family), h("code", slug)),
      its.map((one) => cell(one, number)),
    ),
  );
  const figure = figureOf(
    "Times slower than the fastest",
    "at each size; the stronger the shade, the slower; k = thousand",
    scrolled(`${kernel.name} at each size`, "heats", [head("V"), head("B")], body),
  );
  figure.classList.add("heat-figure");
  return figure;
}

/** The stages of a training step, and what is done in each. */
const STAGES = {
  examples: "find the word pairs",
  lookup: "read rows",
  sampling: "draw negatives",
  output: "score, loss, gradients",
  scatter: "add gradients up",
  update: "optimizer step",
};

function stageTable(kernel, problem) {
  const its = problem.cases.filter((one) => one.stages),
    parts = Object.keys(STAGES);
  if (!its.length) return undefined;
  const cellsOf = ({ stages }) => {
    const total = Object.values(stages).reduce((sum, value) => sum + value, 0);
    const cell = (name, span) => {
      const share = stages[name] / total,
        note = `${share < 0.01 ? "< 1 %" : percent(share)}${span > 1 ? ` · ${name}` : ""}`;
      return h("td", { colspan: span, ...shade(share) }, h("b", time(stages[name])), h("span", note));
    };
    if (parts.some((part) => part in stages))
      return parts.map((part) => (part in stages ? cell(part, 1) : h("td.none", "–")));
    // a compiled loop cannot be split further
    const names = Object.keys(stages),
      span = Math.floor(parts.length / names.length);
    return names.map((name, at) => cell(name, at === names.length - 1 ? parts.length - span * at : span));
  };
  const head = parts.map((part) => h("th", { scope: "col" }, part, h("small", STAGES[part])));
  const rows = its.map((one) => h("tr", h("th", { scope: "row" }, nameOf(kernel, one.i)), cellsOf(one)));
  return figureOf(
    "Where the time goes",
    "in each stage of a call, timed apart, so that a row need not add up to the time per call",
    scrolled(`Stages of ${kernel.name}`, "stages", [[columnHeads(["Implementation"]), head]], rows),
  );
}
