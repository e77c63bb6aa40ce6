// A run's page: its data, the choices that are kept in its address, and the measured size nearest to them.
// All text of a result file becomes text nodes, and never markup.

const data = JSON.parse(document.getElementById("data").textContent);
const { kernels, problems } = data;
const REFERENCES = ["the fastest", "the textbook", "the best NumPy/SciPy", "the best compiled", "the best framework"];
const IN_ADDRESS = ["fastest", "textbook", "numpy", "compiled", "framework"]; // the references, as the address has them
const FASTEST = 0,
  TEXTBOOK = 1,
  NUMPY = 2,
  COMPILED = 3,
  VAGUE = 3;
const GROUPS = JSON.parse(document.getElementById("groups").textContent);

function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null));
  return node;
}

/** Text whose parts in backticks are code. */
const prose = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));

/** A command, on a line of its own that breaks between words and not behind an option's hyphens. */
const commandOf = (text) =>
  h(
    "code",
    { class: "command" },
    text.split(" ").map((word, at) => [at ? " " : undefined, h("span", {}, word)]),
  );

const state = { V: 0, B: 0, H: 0, rest: "", ref: FASTEST, sort: "" };
let section = "";

function readAddress() {
  const [place, query] = location.hash.slice(1).split("?");
  const given = new URLSearchParams(query ?? "");
  for (const name of ["V", "B", "H"])
    state[name] =
      given.has(name) && Number.isFinite(Number(given.get(name))) ? Number(given.get(name)) : (data.start?.[name] ?? 0);
  state.ref = Math.max(FASTEST, IN_ADDRESS.indexOf(given.get("ref")));
  state.rest = given.get("rest") ?? data.start?.rest ?? "";
  state.sort = given.get("sort") ?? "";
  try {
    section = decodeURIComponent(place ?? "");
  } catch {
    section = "";
  } // an address that is no text
}

function writeAddress() {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(state))
    if (value && value !== data.start?.[name]) query.set(name, name === "ref" ? IN_ADDRESS[value] : value);
  const hash = `${section}${String(query) ? `?${query}` : ""}`;
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}

/**
 * A kernel's problem that is nearest to the chosen size: first the same dtype and words, then by the logarithms of V, counted
 * twice, B and H, as in reports/findings/sizes.py.
 */
function nearest(kernel) {
  const apart = (mine, its) => Math.abs(Math.log(Math.max(1, mine) / Math.max(1, its)));
  const far = (one) => [
    Number(one.rest !== state.rest),
    2 * apart(one.V, state.V) + apart(one.B, state.B) + apart(one.H, state.H),
    -one.B,
    -one.H,
  ];
  const measured = kernel.problems.map((number) => problems[number]).filter((one) => one.use !== undefined);
  const from = measured.length ? measured : kernel.problems.map((number) => problems[number]);
  return from.reduce((best, one) => {
    const [a, b] = [far(one), far(best)],
      at = a.findIndex((value, place) => Math.abs(value - b[place]) > 1e-9);
    return at >= 0 && a[at] < b[at] ? one : best;
  });
}

const severalTypes = kernels.some((kernel) => new Set(kernel.problems.map((number) => problems[number].rest)).size > 1);
const plain = (number) => number.toLocaleString("en");

/** What was chosen that a problem's size has not: "B = 100". */
function chosenInstead(problem) {
  const parts = [];
  if (problem.V !== state.V) parts.push(`V = ${plain(state.V)}`);
  if (problem.B !== state.B) parts.push(`B = ${plain(state.B)}`);
  if (problem.H > 1 && problem.H !== state.H) parts.push(`H = ${plain(state.H)}`);
  if (problem.rest !== state.rest && severalTypes) parts.push(state.rest);
  return parts.join(", ");
}

/** What a problem's size has that was not chosen: "B 8". */
function otherSize(problem) {
  const parts = [];
  if (problem.V !== state.V) parts.push(`V ${plain(problem.V)}`);
  if (problem.B !== state.B) parts.push(`B ${plain(problem.B)}`);
  if (problem.H > 1 && problem.H !== state.H) parts.push(`H ${plain(problem.H)}`);
  if (problem.rest !== state.rest && severalTypes) parts.push(problem.rest);
  return parts.join(", ");
}

const sizeText = (problem) =>
  [
    `V = ${plain(problem.V)}`,
    problem.H > 1 ? `H = ${plain(problem.H)}` : "",
    `B = ${plain(problem.B)}`,
    problem.K ? `K = ${problem.K}` : "",
  ]
    .filter(Boolean)
    .join(" · ");
