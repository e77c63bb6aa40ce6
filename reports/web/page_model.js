// Which implementation to use at a size that was not measured: the model of impls/choosing/choice.py, over the page's own figures.
// The order in which ties are settled (kernel.simplest) and what is a tie (data.tie) stand in the data.

const DROPPED = 3; // what was not measured at a size counts as so many times the fastest there

const axes = (size) => [size.V, size.H, size.B, size.K].map((value) => Math.max(1, value));

/** What implementations take at a problem, by number: seconds, per example where calls cover different numbers of examples. */
const costs = (problem) => {
  const use = caseOf(problem, problem.use).t[0];
  return new Map(problem.cases.filter((one) => one.r?.[FASTEST]).map((one) => [one.i, use * one.r[FASTEST][0]]));
};

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
  const all = measuredOf(kernel),
    alike = all.filter((one) => one.rest === state.rest);
  return alike.length ? alike : all;
}

/** The measured problems around a size with their weights: the corners of its cell, or the nearest one where none was measured. */
function corners(kernel, size) {
  const measured = counted(kernel),
    grid = axes(size).map((value, axis) => sides([...new Set(measured.map((one) => axes(one)[axis]))], value));
  const weigh = (cell, parts) =>
    cell.flatMap(([corner, weight]) => parts.map(([value, share]) => [[...corner, value], weight * share]));
  const found = grid
    .reduce(weigh, [[[], 1]])
    .map(([corner, weight]) => [measured.find((one) => String(axes(one)) === String(corner)), weight])
    .filter(([one, weight]) => one && weight > 0);
  const total = found.reduce((sum, [, weight]) => sum + weight, 0);
  return found.length ? found.map(([one, weight]) => [one, weight / total]) : [[nearest(kernel), 1]];
}

/** How far a size lies beyond what was measured, as a factor; 1 within. */
function beyond(kernel, size) {
  const measured = counted(kernel).map(axes);
  const factors = axes(size).map((value, axis) => {
    const values = measured.map((one) => one[axis]);
    if (values.every((one) => one === 1)) return 1; // a dimension that the kernel has not
    return Math.max(1, Math.min(...values) / value, value / Math.max(...values));
  });
  return Math.max(...factors);
}

/** The number of the implementation to use at a size, the best that needs only NumPy and SciPy, and all predicted costs. */
function choose(kernel, size) {
  const near = corners(kernel, size).map(([problem, weight]) => [costs(problem), weight]),
    numbers = kernel.simplest.filter((number) => near.some(([its]) => its.has(number)));
  const log = (its, number) => Math.log(its.get(number) ?? DROPPED * Math.min(...its.values()));
  const predicted = new Map(
    numbers.map((number) => [number, Math.exp(near.reduce((sum, [its, weight]) => sum + weight * log(its, number), 0))]),
  );
  const best = (some) => {
    const fastest = Math.min(...some.map((number) => predicted.get(number)));
    return some.find((number) => predicted.get(number) <= data.tie * fastest);
  };
  const plainOnes = numbers.filter((number) => FAMILY[kernel.implementations[number].family] === "numpy");
  return { use: best(numbers), numpy: best(plainOnes), predicted };
}
