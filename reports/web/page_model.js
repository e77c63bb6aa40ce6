// Which implementation to use at a size that was not measured: the same model as in impls/choosing/choice.py, over the page's own figures.

const NUMPY_FAMILY = 1,
  TIE = 1.03, // predicted within this factor of the fastest: as good
  DROPPED = 3; // what was not measured at a size counts as so many times the fastest there

/** What implementations take at a problem, by number: seconds, per example where calls cover different numbers of examples. */
const costs = (problem) => {
  const use = caseOf(problem, problem.use).t[0];
  return new Map(problem.cases.filter((one) => one.r?.[FASTEST]).map((one) => [one.i, use * one.r[FASTEST][0]]));
};

/** A kernel's implementations in the order in which ties are settled: the textbook's first, exact ones, then what needs least. */
function simplestFirst(kernel) {
  const baseline = kernel.problems.map((number) => problems[number].references?.[TEXTBOOK]).find((one) => one != null);
  const rank = ({ family, title }, number) => [
    Number(number !== baseline),
    Number(title.includes("approximate")),
    Math.max(0, family - 1),
    number,
  ];
  const ranks = kernel.implementations.map(rank);
  return ranks
    .map((_, number) => number)
    .sort((a, b) => {
      const at = ranks[a].findIndex((value, place) => value !== ranks[b][place]);
      return ranks[a][at] - ranks[b][at];
    });
}

const axes = (size) => [size.V, size.H, size.B, size.K].map((value) => Math.max(1, value));

/** The values on both sides of a place on an axis, with their weights by logarithm; one value beyond the ends. */
function sides(values, at) {
  const low = Math.max(...values.filter((value) => value <= at)),
    high = Math.min(...values.filter((value) => value >= at));
  if (!Number.isFinite(low)) return [[Math.min(...values), 1]];
  if (!Number.isFinite(high) || low >= high) return [[low, 1]];
  const share = Math.log(at / low) / Math.log(high / low);
  return [
    [low, 1 - share],
    [high, share],
  ];
}

/** The problems of a kernel that count: those of the chosen dtype, words and threads, or all if there are none. */
function counted(kernel) {
  const all = kernel.problems.map((number) => problems[number]).filter((one) => one.use !== undefined),
    alike = all.filter((one) => one.rest === state.rest);
  return alike.length ? alike : all;
}

/** The measured problems around a size with their weights: the corners of its cell, or the nearest one where none was measured. */
function corners(kernel, size) {
  const measured = counted(kernel),
    grid = axes(size).map((value, axis) => sides([...new Set(measured.map((one) => axes(one)[axis]))], value));
  let cell = [[[], 1]];
  for (const parts of grid)
    cell = cell.flatMap(([corner, weight]) => parts.map(([value, share]) => [[...corner, value], weight * share]));
  const found = cell
    .map(([corner, weight]) => [
      measured.find((one) => axes(one).every((value, axis) => value === corner[axis])),
      weight,
    ])
    .filter(([one, weight]) => one && weight > 0);
  const total = found.reduce((sum, [, weight]) => sum + weight, 0);
  return found.length ? found.map(([one, weight]) => [one, weight / total]) : [[nearest(kernel), 1]];
}

/** How far a size lies beyond what was measured, as a factor; 1 within. */
function beyond(kernel, size) {
  const measured = counted(kernel).map(axes);
  return Math.max(
    ...axes(size).map((value, axis) => {
      const values = measured.map((one) => one[axis]);
      return new Set(values).size === 1 && values[0] === 1
        ? 1 // a dimension that the kernel has not
        : Math.max(1, Math.min(...values) / value, value / Math.max(...values));
    }),
  );
}

/** The predicted cost of the implementations that were measured near a size, by number. */
function predict(kernel, size) {
  const near = corners(kernel, size).map(([problem, weight]) => [costs(problem), weight]);
  const predicted = new Map();
  for (const number of simplestFirst(kernel))
    if (near.some(([its]) => its.has(number)))
      predicted.set(
        number,
        Math.exp(
          near.reduce(
            (sum, [its, weight]) => sum + weight * Math.log(its.get(number) ?? DROPPED * Math.min(...its.values())),
            0,
          ),
        ),
      );
  return predicted;
}

/** The number of the implementation to use at a size, the best that needs only NumPy and SciPy, and all predicted costs. */
function choose(kernel, size) {
  const predicted = predict(kernel, size);
  const best = (numbers) => {
    const fastest = Math.min(...numbers.map((number) => predicted.get(number)));
    return numbers.find((number) => predicted.get(number) <= TIE * fastest);
  };
  const numbers = [...predicted.keys()];
  return {
    use: best(numbers),
    numpy: best(numbers.filter((number) => kernel.implementations[number].family === NUMPY_FAMILY)),
    predicted,
  };
}
