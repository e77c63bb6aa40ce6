// What more threads gain: speed-ups against threads, beside the ideal and the machine's memory.

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
      points: points.map(({ n, s: [y, low, high], cells: [wall, speedup] }) => ({
        ...{ x: n, y, low, high, hollow: false },
        title: `${kernel.implementations[i].slug}: ${speedup || "1.0×"} on ${n} threads, ${wall}`,
      })),
    })),
    against("ideal", true, (n) => n / fewest),
    ...Object.entries(found.memory).map(([what, gains]) => against(MEMORY[what], false, (_, at) => gains[at])),
  ];
}

function threadTable(kernel, found, ways) {
  const cell = (point) => {
    if (!point) return h("td.none", "–");
    const [wall, speedup, ends, efficiency] = point.cells;
    return h(
      "td",
      h("b", wall),
      speedup ? h("span", `${speedup} · ${efficiency}`) : undefined,
      ends ? h("span.soft", ends) : undefined,
    );
  };
  const rows = ways.map(({ i, points }) =>
    h(
      "tr",
      h("th", { scope: "row" }, nameOf(kernel, i)),
      found.threads.map((n) => cell(points.find((point) => point.n === n))),
    ),
  );
  const memory = Object.entries(found.memory).map(([what, gains]) =>
    h(
      "tr",
      h("th.soft", { scope: "row" }, MEMORY[what]),
      gains.map((gain, at) => h("td", at ? h("span", `${two(gain)}×`) : undefined)),
    ),
  );
  return scrolled(`${kernel.name} on more threads`, "gains", [columnHeads(["Threads", ...found.names])], [rows, memory]);
}

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
      threadTable(kernel, found, ways),
      found.sentences.map((text) => h("p.foot", text)),
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
