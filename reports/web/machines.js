// The page of several machines: a filter row, and a table with a column for each machine.

const data = JSON.parse(document.getElementById("data").textContent),
  form = document.querySelector(".filters"),
  table = document.getElementById("machines");
const USE = "",
  DARKEST = 5; // times as long as the best, from which on cells are no darker

const element = (tag, text, properties = {}) => Object.assign(document.createElement(tag), { textContent: text }, properties);

/** Seconds of a machine's problem: of one implementation, by its number, or of the one to use there; 0 where there are none. */
function secondsOf(machine, problem, slug) {
  const its = data.times[machine][problem];
  if (!its) return 0;
  const at = slug === USE ? its[0] : data.kernels[data.problems[problem].kernel].slugs.indexOf(slug);
  return at < 0 ? 0 : its[at + 1] || 0;
}

/** How many times as long it takes as that machine's own fastest implementation. */
function ownRatio(machine, problem, slug) {
  const its = data.times[machine][problem],
    seconds = secondsOf(machine, problem, slug);
  return seconds ? seconds / Math.min(...its.slice(1).filter(Boolean)) : 0;
}

const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const contains = (text, part) => text.toLowerCase().includes(part.trim().toLowerCase());

/** What the form asks for: which problems and machines, and which figures. */
function asked() {
  const { kernel, implementation, figures, size, machine } = Object.fromEntries(new FormData(form));
  const problems = data.problems.flatMap((one, at) =>
    (kernel === "" || data.kernels[one.kernel].name === kernel) && contains(one.size, size) ? [at] : [],
  );
  const machines = data.machines.flatMap((one, at) => (contains(`${one.name} ${one.facts}`, machine) ? [at] : []));
  return { problems, machines, slug: implementation, figures };
}

/** A row's figures by machine, how many times the best one each is, and their texts. */
function rowOf(problem, machines, slug, figures) {
  const values = machines.map((one) => (figures === "own" ? ownRatio : secondsOf)(one, problem, slug));
  const best = Math.min(...values.filter(Boolean)),
    ratios = values.map((value) => value / best);
  const text = (value, ratio) => (figures === "time" ? time(value) : `${narrow(figures === "own" ? value : ratio)}×`);
  return { ratios, texts: values.map((value, at) => (value ? text(value, ratios[at]) : "–")) };
}

const geometricMean = (some) => Math.exp(some.reduce((sum, one) => sum + Math.log(one), 0) / some.length);

function cell(text, ratio) {
  const made = element("td", text);
  if (ratio) {
    const shade = Math.min(1, Math.log(ratio) / Math.log(DARKEST));
    made.style.background = `color-mix(in srgb, var(--heat) ${Math.round(85 * shade)}%, var(--best))`;
    if (shade > 0.5) made.className = "dark";
  }
  return made;
}

function nameOf(problem) {
  const { kernel, size } = data.problems[problem];
  return `${data.kernels[kernel].name} ${size.replace(/,f32|,i64|,zipf|,t1(?!\d)/g, "").replaceAll(",", " ")}`;
}

function show() {
  const { problems, machines, slug, figures } = asked();
  const rows = problems.map((one) => ({ problem: one, ...rowOf(one, machines, slug, figures) }));
  const shown = rows.filter((row) => row.ratios.some(Boolean));
  const overall = machines.map((_, at) => {
    const its = shown.map((row) => row.ratios[at]).filter(Boolean);
    return its.length ? geometricMean(its) : 0;
  });
  const order = machines.map((_, at) => at).sort((one, other) => (overall[one] || Infinity) - (overall[other] || Infinity));
  const head = element("tr");
  head.append(element("th", "problem", { scope: "col" }));
  for (const at of order) {
    const { name, facts, when } = data.machines[machines[at]],
      header = element("th", "", { scope: "col", className: "machine", title: [name, facts, when].filter(Boolean).join("; ") });
    header.append(element("span", name));
    head.append(header);
  }
  const line = (name, texts, ratios, className) => {
    const made = element("tr", "", { className });
    made.append(element("th", name, { scope: "row" }), ...order.map((at) => cell(texts[at], ratios[at])));
    return made;
  };
  const body = document.createElement("tbody");
  if (shown.length && machines.length > 1)
    body.append(line("overall", overall.map((one) => (one ? `${two(one)}×` : "–")), overall, "overall"));
  body.append(...shown.map((row) => line(nameOf(row.problem), row.texts, row.ratios, "")));
  const top = document.createElement("thead");
  top.append(head);
  table.replaceChildren(top, body);
  form.querySelector("output").textContent = `${counted(shown.length, "problem")} on ${counted(machines.length, "machine")}`;
}

/** Offer the implementations of the chosen kernel. */
function offer() {
  const { kernel, implementation } = form.elements,
    before = implementation.value;
  const its = data.kernels.filter((one) => kernel.value === "" || one.name === kernel.value);
  const slugs = [...new Set(its.flatMap((one) => one.slugs))];
  implementation.replaceChildren(
    element("option", "the one to use", { value: USE }),
    ...slugs.map((slug) => element("option", slug, { value: slug })),
  );
  implementation.value = slugs.includes(before) ? before : USE;
}

form.elements.kernel.append(
  element("option", "all", { value: "" }),
  ...data.kernels.map(({ name }) => element("option", name, { value: name })),
);
form.addEventListener("input", (event) => {
  if (event.target.name === "kernel") offer();
  show();
});
form.addEventListener("submit", (event) => event.preventDefault());
offer();
show();
document.documentElement.dataset.ready = "yes";
