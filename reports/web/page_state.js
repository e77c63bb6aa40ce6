// A run's page: its data, the choices that are kept in its address, and the measured size nearest to them.
// All text of a result file becomes text nodes, and never markup.

const data = JSON.parse(document.getElementById("data").textContent);
const { kernels, problems } = data;
const REFERENCES = ["the fastest", "the textbook", "the best NumPy/SciPy", "the best compiled", "the best framework"];
const IN_ADDRESS = ["fastest", "textbook", "numpy", "compiled", "framework"]; // the references, as the address has them
const FASTEST = 0,
  TEXTBOOK = 1,
  NUMPY = 2,
  COMPILED = 3;
const GROUPS = JSON.parse(document.getElementById("groups").textContent);

/** An element: its name with classes behind points, then attributes, texts and other elements, in lists or not. */
function h(tag, ...parts) {
  const [name, ...classes] = tag.split("."),
    node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  for (const part of parts.flat(Infinity).filter((one) => one !== undefined && one !== null)) {
    if (typeof part !== "object" || part instanceof Node) node.append(part);
    else
      for (const [key, value] of Object.entries(part)) {
        if (key === "onclick") node.addEventListener("click", value);
        else if (value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
      }
  }
  return node;
}

const columnHeads = (names) => names.map((name) => h("th", { scope: "col" }, name));

/** A table of some class, of heads and rows of cells; and one that scrolls if it is too wide, with a name for who hears it. */
const tableOf = (kind, heads, rows) =>
  h(
    `table.${kind}`,
    h(
      "thead",
      heads.map((cells) => h("tr", cells)),
    ),
    h("tbody", rows),
  );
const scrolled = (label, ...table) =>
  h("div.scroll", { tabindex: 0, role: "region", "aria-label": label }, tableOf(...table));

/** Text whose parts in backticks are code. */
const prose = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", part) : part));

/** A command, on a line of its own that breaks between words and not behind an option's hyphens. */
const commandOf = (text) =>
  h(
    "code.command",
    text.split(" ").map((word, at) => [at ? " " : undefined, h("span", word)]),
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

const problemsOf = (kernel) => kernel.problems.map((number) => problems[number]);
const measuredOf = (kernel) => problemsOf(kernel).filter((one) => one.use !== undefined);

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
  const measured = measuredOf(kernel);
  return (measured.length ? measured : problemsOf(kernel)).reduce((best, one) => {
    const [a, b] = [far(one), far(best)],
      at = a.findIndex((value, place) => Math.abs(value - b[place]) > 1e-9);
    return at >= 0 && a[at] < b[at] ? one : best;
  });
}

const severalTypes = kernels.some((kernel) => new Set(problemsOf(kernel).map((one) => one.rest)).size > 1);
const plain = (number) => number.toLocaleString("en");

/** Where a problem's size and the chosen one differ: "B = 100" of the one, or of the other. */
function difference(problem, of, between) {
  const other = ["V", "B", "H"].filter((name) => problem[name] !== state[name] && (name !== "H" || problem.H > 1)),
    parts = other.map((name) => `${name}${between}${plain(of[name])}`);
  if (problem.rest !== state.rest && severalTypes) parts.push(of.rest);
  return parts.join(", ");
}
const chosenInstead = (problem) => difference(problem, state, " = ");
const otherSize = (problem) => difference(problem, problem, " ");

function sizeText({ V, H, B, K }) {
  const parts = [`V = ${plain(V)}`, H > 1 && `H = ${plain(H)}`, `B = ${plain(B)}`, K && `K = ${K}`];
  return parts.filter(Boolean).join(" · ");
}
