// Across kernels: why the textbook's code is slow, and how near to the machine's limits all of it is.

/** The problems of a kernel that the story is about: of the chosen types and H. */
const chosenOf = (kernel) => measuredOf(kernel).filter((one) => one.rest === state.rest && one.H === state.H);
const kernelOf = (name) => kernels.find((one) => one.name === name) ?? { problems: [] };

/** The batch at which most of some problems were measured. */
function batchOf(its) {
  const counts = new Map();
  for (const one of its) counts.set(one.B, (counts.get(one.B) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0]?.[0];
}

/**
 * Lines of one kernel in a chart, by their keys: the time of an example against V, at a batch, and with hollow marks where only
 * another was measured. Of wanted, each names an implementation, or one of the problem's references.
 */
function storyLines(kernelName, B, wanted) {
  const kernel = kernelOf(kernelName),
    its = chosenOf(kernel);
  const largest = Math.max(...its.filter((one) => one.B === B).map((one) => one.V)),
    other = batchOf(its.filter((one) => one.V > largest));
  const series = its
    .filter((one) => one.B === B || (one.B === other && one.V >= largest))
    .sort((a, b) => (a.B !== B) - (b.B !== B) || a.V - b.V);
  if (!series.length) return [];
  return wanted.flatMap(({ key, reference, slug, name, dashed }) => {
    const number = slug
      ? kernel.implementations.findIndex((one) => one.slug === slug)
      : (series.at(-1).references[reference] ?? -1);
    const points = series.flatMap((one) => {
      const found = caseOf(one, number);
      if (!found?.t) return [];
      const [y, low, high] = found.t.map((value) => value / one.B),
        title = `${name}: ${time(y)} at V = ${plain(one.V)}, B = ${plain(one.B)}`;
      return [{ x: one.V, y, low, high, hollow: one.B !== B, title, one, found }];
    });
    if (points.length < 2) return [];
    const { family } = kernel.implementations[number];
    return [{ key, name, family, dashed, strong: true, value: time(points.at(-1).y), points }];
  });
}

/** Which other batches the hollow marks of some lines are of. */
function hollow(lines) {
  const points = lines.flatMap((line) => line.points.filter((point) => point.hollow)),
    others = new Set(points.map((point) => plain(point.one.B)));
  return others.size ? ` (hollow marks: ${[...others].join(", ")})` : "";
}

function costTable(lines) {
  const rows = lines.map((line) => {
    const { one, found, y } = line.points.at(-1);
    const operations = found.flops ? amount(found.flops / one.B) : found.flops === undefined ? "–" : "none";
    const name = [icon(line.family), line.name, h("span.soft", ` (${plain(one.B)} a call)`)],
      cells = [operations, found.bytes ? bytes(found.bytes / one.B) : "–", time(y)];
    return h(
      "tr",
      h("th", { scope: "row" }, name),
      cells.map((cell) => h("td", cell)),
    );
  });
  return tableOf("costs", [columnHeads(["At the largest V", "operations", "memory traffic", "time"])], rows);
}

/** How lookups of words grow, and in words, what they move. */
function lookupPanel(lines, words, every) {
  const [book, gather] = ["book", "gather"].map((key) => lines.find((line) => line.key === key)?.points.at(-1)),
    moved = ({ found, one }) => `moves ${bytes(found.bytes / one.B)}`,
    flat = Math.abs(gather?.found.gV ?? 1) < 0.15 ? " That is why its line is flat." : "";
  const text =
    book?.found.bytes && gather?.found.bytes
      ? [
          "Multiplying by a one-hot vector ",
          h("b", `${moved(book)} per word`),
          ` at V = ${plain(book.x)}: the whole table. `,
          h("code", "W[idx]"),
          " ",
          h("b", moved(gather)),
          `: one row, read and written.${flat}`,
        ]
      : [];
  return figureOf(
    "Looking a word up",
    `time per word, H = ${state.H}, ${plain(words)} ${words === 1 ? "word" : "words"} per call${hollow(lines)}`,
    lineChart({
      ...{ series: lines, every, format: time, width: 470, height: 380 },
      title: "Time of a word's lookup against V",
      xTitle: "vocabulary V (different words)",
    }),
    h("p", text),
    costTable(lines),
  );
}

/** What the output layer's ways to score do, in words; ratios at the largest V that all were measured at with the same batch. */
function outputText(lines) {
  const pointsOf = (key) => lines.find((line) => line.key === key)?.points ?? [],
    sameBatch = (key) => pointsOf(key).filter((point) => !point.hollow);
  const common = Math.max(...sameBatch("full").map((point) => point.x)),
    at = (key) => sameBatch(key).find((point) => point.x === common) ?? pointsOf(key).at(-1);
  const [full, compiled, book, numpy] = ["full", "fullCompiled", "book", "numpy"].map(at),
    text = [];
  if (full) text.push("Full softmax ", h("b", "scores all V words"), ". ");
  if (book) {
    const scored = book.one.K + 1,
      growing = book.found.gV > 0.5 ? ", so its time still grows with V. " : ". ";
    text.push(
      `The book’s negative sampling scores ${scored}, yet each of its ${scored} layers `,
      h("b", "clears a gradient as large as the table, and all are summed"),
      growing,
    );
  }
  if (numpy && numpy.found.gV < 0.3) text.push("Touch only the rows that occur, and the time hardly grows. ");
  if (full && compiled && numpy && full.one.B === numpy.one.B) {
    const ratio = slower(full.y / numpy.y),
      than = full.found.r[COMPILED]?.[0];
    const words = `${slower(than)} than when it is compiled, and ${ratio} than scoring ${numpy.one.K + 1} words instead of all in NumPy`;
    text.push(
      `At V = ${plain(full.x)}, ${plain(full.one.B)} examples a call: full softmax is `,
      h("b", than ? words : ratio),
      ". ",
      h("span.soft", "(Different kernels were timed apart: such ratios may be off by tens of per cent.)"),
    );
  }
  return text;
}

function outputPanel(lines, examples, every) {
  const many = `${plain(examples ?? 0)} ${examples === 1 ? "example" : "examples"}`;
  return figureOf(
    "Scoring an example in the output layer",
    `time per example, H = ${state.H}, ${many} per call${hollow(lines)}`,
    lineChart({
      ...{ series: lines, every, format: time, width: 660, height: 380, right: 200 },
      title: "Time of an example in the output layer against V",
      xTitle: "vocabulary V (different words)",
    }),
    h("p", outputText(lines)),
    costTable(lines),
  );
}

/** Show or hide a section, and the links to it. */
function reveal(id, shown) {
  document.getElementById(id).hidden = !shown;
  for (const link of document.querySelectorAll(`a[href="#${id}"]`)) link.hidden = !shown;
}

function showStory() {
  const place = document.getElementById("story");
  if (!place) return;
  const [words, examples] = ["lookup", "output.negative-sampling"].map((name) => batchOf(chosenOf(kernelOf(name))));
  const lookups = storyLines("lookup", words, [
    { key: "book", reference: TEXTBOOK, name: "one-hot × W" },
    { key: "gather", slug: "gather", name: "W[idx]" },
    { key: "compiled", reference: COMPILED, name: "compiled loop" },
  ]);
  const full = storyLines("output.softmax", examples, [
    { key: "full", reference: TEXTBOOK, name: "full softmax" },
    { key: "fullCompiled", reference: COMPILED, name: "full softmax, compiled" },
  ]);
  const sampled = storyLines("output.negative-sampling", examples, [
    { key: "book", reference: TEXTBOOK, name: "the book’s negative sampling", dashed: true },
    { key: "numpy", reference: NUMPY, name: "negative sampling, NumPy" },
    { key: "compiled", reference: COMPILED, name: "negative sampling, compiled" },
  ]);
  const outputs = [...full, ...sampled],
    every = [...lookups, ...outputs].flatMap((line) => line.points.map((point) => point.y)),
    panels = [];
  if (lookups.length > 1) panels.push(lookupPanel(lookups, words, every));
  if (outputs.length > 1 && sampled.length) panels.push(outputPanel(outputs, examples, every));
  reveal("why", panels.length > 0);
  place.replaceChildren(...panels);
}

function showRoofline() {
  const place = document.getElementById("roofline-chart");
  if (!place) return;
  const ending = (kernel) => kernel.name.split(".").at(-1),
    isPlain = (kernel) => kernels.filter((one) => ending(one) === ending(kernel)).length === 1;
  const points = kernels.flatMap((kernel) => {
    const problem = nearest(kernel),
      shortName = isPlain(kernel) ? ending(kernel) : kernel.name;
    return problem.cases
      .filter((one) => one.t && one.flops && one.bytes)
      .map(({ i, t, flops, bytes }) => {
        const { family, slug } = kernel.implementations[i],
          rate = flops / t[0],
          title = `${kernel.name}/${slug} at ${sizeText(problem)}: ${three(rate / 1e9)} billion operations a second`;
        return { x: flops / bytes, y: rate, family, name: i === problem.use ? shortName : "", title };
      });
  });
  const { memory, matmul } = data.ceilings[state.rest.split(",").at(-1)] ?? { matmul: {} };
  const enough = points.length > 1 && Object.keys(matmul).length > 0,
    title = "Operations per byte against operations a second";
  reveal("roofline", enough);
  if (enough)
    place.replaceChildren(roofline({ points, memory, matmul, title, narrow: matchMedia("(max-width: 480px)").matches }));
}
