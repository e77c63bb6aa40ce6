// The first screen: which implementation to use of each kernel.

const caseOf = (problem, number) => problem.cases.find((one) => one.i === number);
const nameOf = (kernel, number) => {
  const { family, slug, title } = kernel.implementations[number];
  const approximate = title.includes("approximate") ? h("abbr", { title: "approximate" }, " ≈") : undefined;
  return [icon(family), h("code", {}, slug), approximate];
};

/** The mark of a ratio that is hardly known. */
const vagueness = (ratio) => (ratio[1] && ratio[2] > VAGUE * ratio[1] ? "~" : "");

/** A case's ratio to the chosen reference in words: "tie", "28×" slower than the fastest, "1.9× faster". */
function ratioText(problem, one, reference = state.ref) {
  const base = problem.references[reference],
    ratio = one.r[reference];
  if (base === null || !ratio) return "–";
  if (one.i === base)
    return reference !== FASTEST ? "1×" : problem.ties.length === 1 && !problem.undecided[0] ? "fastest" : "use this";
  const vague = vagueness(ratio);
  if (reference !== FASTEST) return comparedInWords(ratio);
  return problem.ties.includes(one.i) ? "tie" : vague + toFastest(ratio[0], vague);
}

/** A ratio to what is used, of a case that does not tie with it: "28×", "+6 %", "as fast"; what is undecided may look faster. */
function toFastest(ratio, vague) {
  const percent = ((ratio - 1) * 100).toFixed(0);
  if (ratio >= 1.1) return `${two(ratio)}×`;
  if (Number(percent) === 0) return vague ? "0 %" : "as fast";
  return ratio > 1 / 1.1 ? `${ratio > 1 ? "+" : ""}${percent} %` : slower(ratio);
}

/** A ratio in words: "28× slower", "as fast", "~1.9× faster". */
const comparedInWords = (ratio) => (ratio ? vagueness(ratio) + slower(ratio[0]).replace(/^0 % .*/, "as fast") : "–");

function answerCell(kernel, problem, reference) {
  const number = problem.references[reference];
  if (number === null) return [h("span", { class: "same" }, "none"), ""];
  if (number === problem.use) return [h("span", { class: "same" }, "the same"), ""];
  const one = caseOf(problem, number);
  const figure = reference !== FASTEST && reference === state.ref ? time(one.t[0]) : ratioText(problem, one);
  return [h("span", { class: "who" }, nameOf(kernel, number)), figure];
}

/** The answers of a problem as dots on an axis of ratios that all rows share. */
function strip(kernel, problem, scale, ticks) {
  const drawing = s("svg", { class: "strip", viewBox: "0 0 124 26", width: 124, height: 26, "aria-hidden": "true" });
  for (const tick of ticks) drawing.append(s("path", { class: "grid", d: `M${scale(tick)} 0V26` }));
  const within = (ratio) => scale(Math.min(ticks.at(-1), Math.max(ticks[0], ratio)));
  const shown = [TEXTBOOK, NUMPY, FASTEST]
    .map((reference) => caseOf(problem, problem.references[reference] ?? -1))
    .filter((one) => one?.r[FASTEST]);
  const places = shown.map((one) => within(one.r[FASTEST][0]));
  if (places.length)
    drawing.append(s("path", { class: "span", d: `M${Math.min(...places)} 13H${Math.max(...places)}` }));
  shown.forEach((one, at) => drawing.append(mark(kernel.implementations[one.i].family, places[at], 13, 3.8)));
  return drawing;
}

function showSummary() {
  const place = document.getElementById("answers");
  if (!place) return;
  const rows = kernels.map((kernel) => ({ kernel, problem: nearest(kernel) }));
  const ratios = rows.flatMap(({ problem }) =>
    problem.use === undefined
      ? []
      : [FASTEST, TEXTBOOK, NUMPY]
          .map((reference) => caseOf(problem, problem.references[reference] ?? -1)?.r[FASTEST]?.[0])
          .filter(Boolean),
  );
  const { scale, ticks } = decades([1, 10, ...ratios.map((ratio) => Math.max(1, ratio))], 8, 116),
    many = Math.ceil(ticks.length / 3);
  const axis = s(
    "svg",
    { viewBox: "0 0 124 14", width: 124, height: 14, "aria-hidden": "true" },
    ...ticks
      .filter((_, at) => at % many === 0)
      .map((tick, at) =>
        s(
          "text",
          {
            x: scale(tick),
            y: 11,
            class: "axis",
            "text-anchor": at === 0 ? "start" : tick === ticks.at(-1) ? "end" : "middle",
          },
          `${narrow(tick).replace(".0", "")}×`,
        ),
      ),
  );
  const than = state.ref === FASTEST ? "times slower" : `than ${REFERENCES[state.ref]}`;
  const head = h(
    "thead",
    {},
    h(
      "tr",
      {},
      h("th", { scope: "col" }, "Kernel"),
      h("th", { scope: "col", colspan: 2 }, "Use", h("small", {}, state.ref === FASTEST ? "time per call" : than)),
      h(
        "th",
        { scope: "col", colspan: 2 },
        "NumPy/SciPy only",
        h("small", {}, state.ref === NUMPY ? "time per call" : than),
      ),
      h(
        "th",
        { scope: "col", colspan: 2 },
        "Textbook",
        h("small", {}, state.ref === TEXTBOOK ? "time per call" : than),
      ),
      state.ref === FASTEST ? h("th", { scope: "col", class: "dots" }, "Times slower", axis) : undefined,
    ),
  );
  const body = h("tbody");
  let group = "";
  for (const { kernel, problem } of rows) {
    const [name, form] = [kernel.name.split(".")[0], kernel.name.split(".").slice(1).join(".")];
    if (name !== group) {
      group = name;
      body.append(
        h(
          "tr",
          { class: "group" },
          h("th", { scope: "colgroup", colspan: 8 }, h("b", {}, name), h("span", {}, GROUPS[name] ?? kernel.title)),
        ),
      );
    }
    const link = h("a", { href: `#${kernel.name}` }, form || name),
      remark = otherSize(problem);
    const first = h("th", { scope: "row", class: "kernel-name" }, link, remark ? h("i", {}, remark) : undefined);
    if (problem.use === undefined) {
      body.append(
        h(
          "tr",
          { class: "answer" },
          first,
          h("td", { colspan: 7, class: "same" }, problem.cases[0]?.reason ?? "not measured"),
        ),
      );
      continue;
    }
    const best = caseOf(problem, problem.use),
      [value, unit] = scaled(best.t[0], "s");
    const others = problem.ties.slice(1).map((number) => kernel.implementations[number].slug),
      [open, command] = problem.undecided,
      badge = open
        ? h("span", { class: "badge", title: `${open} ${command}`.trim().replaceAll("`", "") }, "?")
        : others.length
          ? h("span", { class: "badge", title: `about as fast: ${others.join(", ")}` }, "tie")
          : undefined;
    const [numpy, numpyRatio] = answerCell(kernel, problem, NUMPY),
      [book, bookRatio] = answerCell(kernel, problem, TEXTBOOK);
    body.append(
      h(
        "tr",
        { class: "answer" },
        first,
        h("td", { class: "use" }, nameOf(kernel, problem.use), badge),
        state.ref === FASTEST
          ? h("td", { class: "number" }, h("b", {}, value), h("span", { class: "unit" }, unit))
          : h("td", { class: "number ratio" }, ratioText(problem, best)),
        h("td", { class: "numpy" }, numpy),
        h("td", { class: "ratio numpy" }, numpyRatio),
        h("td", { class: "book" }, book),
        h("td", { class: "ratio book" }, bookRatio),
        state.ref === FASTEST ? h("td", { class: "dots" }, strip(kernel, problem, scale, ticks)) : undefined,
      ),
    );
  }
  place.replaceChildren(h("table", { class: "answers" }, head, body));
  if (!data.start) {
    document.getElementById("at-size").textContent = "nothing was measured";
    return;
  }
  const elsewhere = rows.filter(({ problem }) => otherSize(problem)).length,
    chosen = `V = ${plain(state.V)}, B = ${plain(state.B)}${state.H > 1 ? `, H = ${plain(state.H)}` : ""}`;
  document.getElementById("at-size").textContent =
    elsewhere === rows.length
      ? `nothing at ${chosen}: each row says its nearest size`
      : `at ${chosen}${elsewhere ? ", unless a row says otherwise" : ""}`;
}
