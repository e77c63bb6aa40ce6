// What more threads gain: speed-ups against threads, beside the ideal and the machine's memory.

const timesAsFast = (ratio) => (Number(two(ratio).replaceAll(",", "")) >= 1 ? `${two(ratio)}×` : slower(1 / ratio));
const spanAsFast = ([ratio, low, high]) => (ratio >= 1 ? span(low, high) : span(1 / high, 1 / low));
const MEMORY = { read: "memory, read", copied: "memory, copied" };

/** The lines of a chart: implementations, the ideal, and what memory gains. */
function threadLines(kernel, found, ways) {
  const used = found.problems.map((number) => problems[number].use),
    fewest = found.threads[0];
  const against = (name, dashed, gain) => ({
    name,
    dashed,
    points: found.threads.map((n, at) => ({ x: n, y: gain(n, at), hollow: false })),
  });
  return [
    ...ways.map(({ i, points }) => ({
      name: kernel.implementations[i].slug,
      family: kernel.implementations[i].family,
      strong: used.includes(i),
      points: points.map(({ n, t, s: [y, low, high] }) => ({
        x: n,
        y,
        low,
        high,
        hollow: false,
        title: `${kernel.implementations[i].slug}: ${timesAsFast(y)} on ${n} threads, ${time(t)}`,
      })),
    })),
    against("ideal", true, (n) => n / fewest),
    ...Object.entries(found.memory).map(([what, gains]) => against(MEMORY[what], false, (_, at) => gains[at])),
  ];
}

function threadTable(kernel, found, ways) {
  const cell = (point) =>
    point
      ? h(
          "td",
          {},
          h("b", {}, time(point.t)),
          point.n === found.threads[0] ? undefined : h("span", {}, `${timesAsFast(point.s[0])} · ${percent(point.e)}`),
          point.s[1] ? h("span", { class: "soft" }, spanAsFast(point.s)) : undefined,
        )
      : h("td", { class: "none" }, "–");
  const rows = ways.map(({ i, points }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, nameOf(kernel, i)),
      found.threads.map((n) => cell(points.find((point) => point.n === n))),
    ),
  );
  for (const [what, gains] of Object.entries(found.memory))
    rows.push(
      h(
        "tr",
        {},
        h("th", { scope: "row", class: "soft" }, MEMORY[what]),
        gains.map((gain, at) => h("td", {}, at ? h("span", {}, `${two(gain)}×`) : undefined)),
      ),
    );
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": `${kernel.name} on more threads` },
    h(
      "table",
      { class: "gains" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Threads"),
          found.names.map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h("tbody", {}, rows),
    ),
  );
}

const percent = (value) => `${(100 * value).toFixed(0)} %`;

function threadFigure(kernel, problem, found) {
  const changing = found.ways.filter((one) => one.changes),
    ways = changing.length ? changing : found.ways;
  return figureOf(
    kernel.name,
    sizeText(problem),
    lineChart({
      series: threadLines(kernel, found, ways),
      title: `${kernel.name}: speed-up against threads; the figures are in the table`,
      xTitle: `threads${found.cpus ? `, on ${plain(found.cpus)} CPUs` : ""}`,
      format: (value) => (value < 1 ? `1/${1 / value}×` : `${value}×`),
      xScale: doublings,
      yScale: doublings,
    }),
    h(
      "div",
      {},
      threadTable(kernel, found, ways),
      found.sentences.map((text) => h("p", { class: "foot" }, text)),
    ),
  );
}

function showThreads() {
  const place = document.querySelector("#threads .threads");
  if (!place) return;
  const every = kernels.flatMap((kernel) => {
    const problem = nearest(kernel),
      found = data.threads.find((one) => one.problems.includes(problems.indexOf(problem)));
    return found ? [{ kernel, problem, found }] : [];
  });
  const changing = every.filter(({ found }) => found.ways.some((one) => one.changes)),
    shown = changing.length ? changing : every,
    others = every.filter((one) => !shown.includes(one));
  place.replaceChildren(...shown.map(({ kernel, problem, found }) => threadFigure(kernel, problem, found)));
  document.querySelector("#threads > .foot").textContent = others.length
    ? `No implementation of ${others.map(({ kernel }) => kernel.name).join(", ")} depends on threads.`
    : "";
}
