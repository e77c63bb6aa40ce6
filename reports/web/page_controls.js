// What the reader chooses: a size of their own, the control bar, and sections.

/** The size that the form asks for; undefined while it is none. */
function askedSize(form) {
  const size = Object.fromEntries(["V", "B", "H"].map((name) => [name, Math.round(Number(form.elements[name].value))]));
  return Object.values(size).every((value) => value > 0) ? size : undefined;
}

function showYourSize() {
  const form = document.querySelector("#your-size form");
  if (!form) return;
  const kernel = kernels.find((one) => one.name === form.elements.kernel.value);
  if (!form.dataset.typed && data.start) {
    // follows the bar, with a size that was measured, until somebody types
    const first = nearest(kernel);
    for (const name of ["V", "B", "H"])
      form.elements[name].value = name === "H" && first.H === 1 ? state.H : first[name];
  }
  const out = document.querySelector("#your-size output"),
    size = askedSize(form);
  if (!kernel || !size) {
    out.replaceChildren("V, B and H are numbers from 1 up.");
    return;
  }
  const before = { ...state };
  Object.assign(state, size);
  out.replaceChildren(...answerAt(kernel, nearest(kernel), size));
  Object.assign(state, before);
}

/** What to use at a size, and the command that measures it. */
function answerAt(kernel, problem, { V, B, H }) {
  if (problem.use === undefined) return ["Nothing was measured of this kernel."];
  if (problem.V === V && problem.B === B && (problem.H === H || problem.H === 1))
    return [h("p", measuredAnswer(kernel, problem), ".")];
  const wanted = { V, H, B, K: problem.K },
    far = beyond(kernel, wanted),
    hidden = H === 100 ? "" : ` --hidden ${H}`;
  const command = `w2vbench run --kernel ${kernel.name} --vocab ${V} --batch ${B}${hidden}${problem.options}${data.files}`;
  const copyIt = (event) => {
    clipboard(command);
    event.target.textContent = "Copied";
  };
  const warning = far >= 2 ? ". That is far from what was measured: measure it." : ".";
  return [
    h("p", modelledAnswer(kernel, choose(kernel, wanted), far), warning),
    h("p", "Measure just that: ", commandOf(command), " ", h("button.copy", { type: "button", onclick: copyIt }, "Copy")),
  ];
}

/** What to use at a measured size: the run's own answer, which its tests have settled. */
function measuredAnswer(kernel, problem) {
  const numpy = problem.references[NUMPY],
    use = ["Measured here: use ", nameOf(kernel, problem.use), ` (${time(caseOf(problem, problem.use).t[0])} a call)`];
  if (numpy === null || numpy === problem.use) return use;
  const ratio = problem.ties.includes(numpy) ? "tie" : caseOf(problem, numpy).than[FASTEST];
  return [use, "; with NumPy and SciPy only ", nameOf(kernel, numpy), ` (${ratio})`];
}

/** What to use at a size that was not measured, as w2vbench.best() would choose from these figures. */
function modelledAnswer(kernel, { use, numpy, predicted }, far) {
  const place = far > 1 ? "Beyond" : "Between",
    answer = [`${place} the measured sizes: use `, nameOf(kernel, use), ` (about ${time(predicted.get(use))} a call)`];
  if (numpy === undefined || numpy === use) return answer;
  const ratio = predicted.get(numpy) / predicted.get(use),
    words = ratio < data.tie ? "as fast" : `about ${slower(ratio)}`;
  return [answer, "; with NumPy and SciPy only ", nameOf(kernel, numpy), ` (${words})`];
}

function control(name, values, text = plain) {
  const place = document.getElementById(`choose-${name}`);
  if (!place) return;
  const far = (value) => (["V", "B", "H"].includes(name) ? Math.abs(Math.log(value / state[name])) : 0);
  if (values.length && !values.includes(state[name]))
    state[name] = values.reduce((best, one) => (far(one) < far(best) ? one : best));
  place.hidden = values.length < 2;
  const select = place.querySelector("select"),
    buttons = place.querySelector(".segments");
  select.replaceChildren(
    ...values.map((value) => h("option", { value, selected: value === state[name] }, text(value))),
  );
  const button = (value) => {
    const onclick = () => {
      state[name] = value;
      show();
    };
    return h("button", { type: "button", "aria-pressed": String(value === state[name]), onclick }, text(value));
  };
  buttons?.replaceChildren(...(values.length > 6 ? [] : values.map(button)));
  place.classList.toggle("as-list", !buttons || values.length > 6);
}

function showControls() {
  const several = kernels.filter((kernel) => kernel.problems.length > 1),
    offered = (several.length ? several : kernels).flatMap(measuredOf);
  // what kernels with several sizes have, and the size that is shown first, which most kernels have
  const measured = [...offered, ...(data.start ? [data.start] : [])],
    unique = (key) =>
      [...new Set(measured.map((one) => one[key]))].sort((a, b) =>
        typeof a === "number" ? a - b : String(a).localeCompare(b, "en", { numeric: true }),
      );
  control("V", unique("V"));
  control("B", unique("B"));
  control(
    "H",
    unique("H").filter((value) => value > 1),
  );
  control("rest", severalTypes ? unique("rest") : [], String);
  const present = REFERENCES.map((_, at) => at).filter(
    (at) => at === FASTEST || problems.some((one) => one.references && one.references[at] !== null),
  );
  control("ref", present, (at) => REFERENCES[at]);
}

function show() {
  showControls();
  showSummary();
  showStory();
  showThreads();
  showRoofline();
  document.querySelectorAll("details.kernel").forEach(showKernel);
  showYourSize();
  writeAddress();
}

function openSection(scroll) {
  const place = section && document.getElementById(section);
  if (!place) return;
  if (place.matches("details")) place.open = true;
  if (scroll) {
    place.scrollIntoView();
    place.tabIndex = -1;
    place.focus({ preventScroll: true });
  }
  document
    .querySelectorAll("nav a")
    .forEach((link) => link.classList.toggle("current", link.getAttribute("href") === `#${section}`));
}

readAddress();
for (const select of document.querySelectorAll(".controls select"))
  select.addEventListener("change", () => {
    state[select.name] = select.name === "rest" ? select.value : Number(select.value);
    show();
  });
for (const place of document.querySelectorAll("details.kernel"))
  place.addEventListener("toggle", () => {
    if (place.open && place.dataset.stale) showKernel(place);
  });
document.querySelector("#your-size form")?.addEventListener("input", (event) => {
  if (event.target.name !== "kernel") event.currentTarget.dataset.typed = "yes";
  showYourSize();
});
document.querySelector("#your-size form")?.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  section = link.getAttribute("href").slice(1);
  openSection(true);
  writeAddress();
});
for (const medium of ["(max-width: 900px)", "(max-width: 480px)"])
  matchMedia(medium).addEventListener("change", () => show());
addEventListener("hashchange", () => {
  readAddress();
  show();
  openSection(true);
});
addEventListener("beforeprint", () =>
  document.querySelectorAll("details").forEach((folded) => {
    folded.open = true;
    if (folded.dataset.stale) showKernel(folded);
  }),
);
if (matchMedia("(max-width: 900px)").matches)
  document.querySelectorAll("details.kernel").forEach((place) => {
    place.open = kernels.length === 1;
  });
show();
openSection(Boolean(section));
document.documentElement.dataset.ready = "yes";
