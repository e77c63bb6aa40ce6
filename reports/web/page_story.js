// Across kernels: why the textbook's code is slow, and how near to the machine's limits all of it is.

/** Lines of several kernels in one chart: the time of an example against V, at a batch, and with hollow marks where only another was measured. */
function storyLines(kernelName, B, wanted) {
  const kernel = kernels.find((one) => one.name === kernelName);
  if (!kernel) return [];
  const its = kernel.problems
    .map((number) => problems[number])
    .filter((one) => one.use !== undefined && one.rest === state.rest && one.H === state.H);
  const largest = Math.max(...its.filter((one) => one.B === B).map((one) => one.V)),
    other = batchOf(its.filter((one) => one.V > largest));
  const series = its
    .filter((one) => one.B === B || (one.B === other && one.V >= largest))
    .sort((a, b) => (a.B !== B) - (b.B !== B) || a.V - b.V);
  if (!series.length) return [];
  return wanted.flatMap(({ reference, slug, name, dashed }) => {
    const number = slug
      ? kernel.implementations.findIndex((one) => one.slug === slug)
      : series.at(-1).references[reference];
    if (number === null || number < 0) return [];
    const points = series.flatMap((one) => {
      const found = caseOf(one, number);
      return found?.t
        ? [
            {
              x: one.V,
              y: found.t[0] / one.B,
              low: found.t[1] / one.B,
              high: found.t[2] / one.B,
              hollow: one.B !== B,
              title: `${name}: ${time(found.t[0] / one.B)} at V = ${plain(one.V)}, B = ${plain(one.B)}`,
              one,
              found,
            },
          ]
        : [];
    });
    return points.length < 2
      ? []
      : [
          {
            name,
            family: kernel.implementations[number].family,
            dashed,
            strong: true,
            value: time(points.at(-1).y),
            points,
          },
        ];
  });
}

/** The batch at which most of some problems were measured. */
function batchOf(its) {
  const counts = new Map();
  for (const one of its) counts.set(one.B, (counts.get(one.B) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0]?.[0];
}

function costTable(lines) {
  const rows = lines.map((line) => ({ line, point: line.points.at(-1) }));
  return h(
    "table",
    { class: "costs" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["At the largest V", "operations", "memory traffic", "time"].map((title) => h("th", { scope: "col" }, title)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map(({ line, point }) =>
        h(
          "tr",
          {},
          h(
            "th",
            { scope: "row" },
            icon(line.family),
            line.name,
            h("span", { class: "soft" }, ` (${plain(point.one.B)} a call)`),
          ),
          h(
            "td",
            {},
            point.found.flops === undefined
              ? "–"
              : point.found.flops
                ? amount(point.found.flops / point.one.B)
                : "none",
          ),
          h("td", {}, point.found.bytes ? bytes(point.found.bytes / point.one.B) : "–"),
          h("td", {}, time(point.y)),
        ),
      ),
    ),
  );
}

function showStory() {
  const place = document.getElementById("story");
  if (!place) return;
  const problemsOf = (name) =>
    (kernels.find((one) => one.name === name)?.problems ?? [])
      .map((number) => problems[number])
      .filter((one) => one.use !== undefined && one.rest === state.rest && one.H === state.H);
  const [words, examples] = ["lookup", "output.negative-sampling"].map((name) => batchOf(problemsOf(name)));
  const lookups = storyLines("lookup", words, [
    { reference: TEXTBOOK, name: "one-hot × W" },
    { slug: "gather", name: "W[idx]" },
    { reference: COMPILED, name: "compiled loop" },
  ]);
  const outputs = [
    ...storyLines("output.softmax", examples, [
      { reference: TEXTBOOK, name: "full softmax" },
      { reference: COMPILED, name: "full softmax, compiled" },
    ]),
    ...storyLines("output.negative-sampling", examples, [
      { reference: TEXTBOOK, name: "the book’s negative sampling", dashed: true },
      { reference: NUMPY, name: "negative sampling, NumPy" },
      { reference: COMPILED, name: "negative sampling, compiled" },
    ]),
  ];
  const every = [...lookups, ...outputs].flatMap((line) => line.points.map((point) => point.y)),
    panels = [];
  const hollow = (lines) => {
    const others = new Set(
      lines.flatMap((line) => line.points.filter((point) => point.hollow).map((point) => plain(point.one.B))),
    );
    return others.size ? ` (hollow marks: ${[...others].join(", ")})` : "";
  };
  if (lookups.length > 1) {
    const [book, gather] = ["one-hot × W", "W[idx]"].map((name) =>
      lookups.find((line) => line.name === name)?.points.at(-1),
    );
    panels.push(
      figureOf(
        "Looking a word up",
        `time per word, H = ${state.H}, ${plain(words)} ${words === 1 ? "word" : "words"} per call${hollow(lookups)}`,
        lineChart({
          series: lookups,
          every,
          title: "Time of a word's lookup against V",
          xTitle: "vocabulary V (different words)",
          format: time,
          width: 470,
          height: 380,
        }),
        book?.found.bytes && gather?.found.bytes
          ? h(
              "p",
              {},
              "Multiplying by a one-hot vector ",
              h("b", {}, `moves ${bytes(book.found.bytes / book.one.B)} per word`),
              ` at V = ${plain(book.x)}: the whole table. `,
              h("code", {}, "W[idx]"),
              " ",
              h("b", {}, `moves ${bytes(gather.found.bytes / gather.one.B)}`),
              `: one row, read and written.${Math.abs(gather.found.gV ?? 1) < 0.15 ? " That is why its line is flat." : ""}`,
            )
          : h("p", {}),
        costTable(lookups),
      ),
    );
  }
  if (outputs.length > 1 && outputs.some((line) => line.name.includes("negative sampling"))) {
    // ratios at the largest V that all were measured at with the same batch
    const pointsOf = (name) =>
      outputs.find((line) => line.name === name)?.points.filter((point) => !point.hollow) ?? [];
    const common = Math.max(...pointsOf("full softmax").map((point) => point.x)),
      text = [];
    const named = (name) =>
      pointsOf(name).find((point) => point.x === common) ?? outputs.find((line) => line.name === name)?.points.at(-1);
    const [full, compiled, sampled, numpy] = [
      "full softmax",
      "full softmax, compiled",
      "the book’s negative sampling",
      "negative sampling, NumPy",
    ].map(named);
    if (full) text.push("Full softmax ", h("b", {}, "scores all V words"), ". ");
    if (sampled)
      text.push(
        `The book’s negative sampling scores ${sampled.one.K + 1}, yet each of its ${sampled.one.K + 1} layers `,
        h("b", {}, "clears a gradient as large as the table, and all are summed"),
        sampled.found.gV > 0.5 ? ", so its time still grows with V. " : ". ",
      );
    if (numpy && numpy.found.gV < 0.3) text.push("Touch only the rows that occur, and the time hardly grows. ");
    if (full && compiled && numpy && full.one.B === numpy.one.B)
      text.push(
        `At V = ${plain(full.x)}, ${plain(full.one.B)} examples a call: full softmax is `,
        h(
          "b",
          {},
          full.found.r[COMPILED]
            ? `${slower(full.found.r[COMPILED][0])} than when it is compiled, and ${slower(full.y / numpy.y)} than scoring ${numpy.one.K + 1} words instead of all in NumPy`
            : slower(full.y / numpy.y),
        ),
        ". ",
        h(
          "span",
          { class: "soft" },
          "(Different kernels were timed apart: such ratios may be off by tens of per cent.)",
        ),
      );
    panels.push(
      figureOf(
        "Scoring an example in the output layer",
        `time per example, H = ${state.H}, ${plain(examples ?? 0)} ${examples === 1 ? "example" : "examples"} per call${hollow(outputs)}`,
        lineChart({
          series: outputs,
          every,
          title: "Time of an example in the output layer against V",
          xTitle: "vocabulary V (different words)",
          format: time,
          width: 660,
          height: 380,
          right: 200,
        }),
        h("p", {}, text),
        costTable(outputs),
      ),
    );
  }
  document.getElementById("why").hidden = !panels.length;
  document.querySelectorAll('a[href="#why"]').forEach((link) => {
    link.hidden = !panels.length;
  });
  place.replaceChildren(...panels);
}

function showRoofline() {
  const place = document.getElementById("roofline-chart");
  if (!place) return;
  const ending = (kernel) => kernel.name.split(".").at(-1),
    isPlain = (kernel) => kernels.filter((one) => ending(one) === ending(kernel)).length === 1;
  const points = kernels.flatMap((kernel) => {
    const problem = nearest(kernel);
    return problem.cases
      .filter((one) => one.t && one.flops && one.bytes)
      .map((one) => ({
        x: one.flops / one.bytes,
        y: one.flops / one.t[0],
        family: kernel.implementations[one.i].family,
        name: one.i === problem.use ? (isPlain(kernel) ? ending(kernel) : kernel.name) : "",
        title: `${kernel.name}/${kernel.implementations[one.i].slug} at ${sizeText(problem)}: ${three(one.flops / one.t[0] / 1e9)} billion operations a second`,
      }));
  });
  const { memory, matmul } = data.ceilings[state.rest.split(",").at(-1)] ?? { matmul: {} };
  const enough = points.length > 1 && Object.keys(matmul).length > 0;
  document.getElementById("roofline").hidden = !enough;
  document.querySelectorAll('a[href="#roofline"]').forEach((link) => {
    link.hidden = !enough;
  });
  if (enough)
    place.replaceChildren(
      roofline({
        points,
        memory,
        matmul,
        title: "Operations per byte against operations a second",
        narrow: matchMedia("(max-width: 480px)").matches,
      }),
    );
}
