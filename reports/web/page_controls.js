// What the reader chooses: a size of their own, the control bar, and sections.

/** The options of w2vbench run for a problem's dtype, words and threads, and its K, where they are not the usual ones. */
function typeOptions(problem) {
  const [dtype, index, words, threads] = problem.rest.split(","),
    usual = { dtype: "f32", index: "i64", words: "zipf", threads: "t1" };
  const options = Object.entries({ dtype, index, words, threads })
    .filter(([name, value]) => value !== usual[name] && name !== "index")
    .map(([name, value]) => ` --${name} ${value.replace(/^t(?=\d)/, "")}`);
  return options.join("") + (problem.K && problem.K !== 5 ? ` --negatives ${problem.K}` : "");
}

function showYourSize() {
  const place = document.getElementById("your-size");
  if (!place) return;
  const form = place.querySelector("form");
  if (!form.dataset.typed && data.start) {
    // follows the bar, with a size that was measured, until somebody types
    const first = nearest(kernels.find((one) => one.name === form.elements.kernel.value));
    for (const name of ["V", "B", "H"])
      form.elements[name].value = name === "H" && first.H === 1 ? state.H : first[name];
  }
  const out = place.querySelector("output"),
    value = (name) => Math.round(Number(form.elements[name].value));
  const kernel = kernels.find((one) => one.name === form.elements.kernel.value);
  if (!kernel || !["V", "B", "H"].every((name) => value(name) > 0)) {
    out.replaceChildren("V, B and H are numbers from 1 up.");
    return;
  }
  const before = { ...state };
  Object.assign(state, { V: value("V"), B: value("B"), H: value("H") });
  const problem = nearest(kernel),
    exact = problem.V === state.V && problem.B === state.B && (problem.H === state.H || problem.H === 1);
  const command = `w2vbench run --kernel ${kernel.name} --vocab ${state.V} --batch ${state.B}${state.H === 100 ? "" : ` --hidden ${state.H}`}${typeOptions(problem)}${data.files}`;
  const wanted = { V: state.V, H: state.H, B: state.B, K: problem.K };
  const between = problem.use !== undefined && !exact,
    model = between ? choose(kernel, wanted) : undefined,
    far = between ? beyond(kernel, wanted) : 1;
  Object.assign(state, before);
  if (problem.use === undefined) {
    out.replaceChildren("Nothing was measured of this kernel.");
    return;
  }
  out.replaceChildren(
    h(
      "p",
      {},
      ...(exact ? measuredAnswer(kernel, problem) : modelledAnswer(kernel, model, far)),
      far >= 2 ? ". That is far from what was measured: measure it." : ".",
    ),
    exact
      ? ""
      : h(
          "p",
          {},
          "Measure just that: ",
          commandOf(command),
          " ",
          h(
            "button",
            {
              type: "button",
              class: "copy",
              onclick: (event) => {
                clipboard(command);
                event.target.textContent = "Copied";
              },
            },
            "Copy",
          ),
        ),
  );
}

/** What to use at a measured size: the run's own answer, which its tests have settled. */
function measuredAnswer(kernel, problem) {
  const numpy = problem.references[NUMPY];
  return [
    "Measured here: use ",
    nameOf(kernel, problem.use),
    ` (${time(caseOf(problem, problem.use).t[0])} a call)`,
    numpy === null || numpy === problem.use
      ? ""
      : [
          "; with NumPy and SciPy only ",
          nameOf(kernel, numpy),
          ` (${problem.ties.includes(numpy) ? "tie" : comparedInWords(caseOf(problem, numpy).r[FASTEST])})`,
        ],
  ];
}

/** What to use at a size that was not measured, as w2vbench.best() would choose from these figures. */
function modelledAnswer(kernel, { use, numpy, predicted }, far) {
  const ratio = numpy === undefined ? 1 : predicted.get(numpy) / predicted.get(use);
  return [
    `${far > 1 ? "Beyond" : "Between"} the measured sizes: use `,
    nameOf(kernel, use),
    ` (about ${time(predicted.get(use))} a call)`,
    numpy === undefined || numpy === use
      ? ""
      : [
          "; with NumPy and SciPy only ",
          nameOf(kernel, numpy),
          ratio < TIE ? " (as fast)" : ` (about ${slower(ratio)})`,
        ],
  ];
}

function control(name, values, text = plain) {
  const place = document.getElementById(`choose-${name}`);
  if (!place) return;
  if (values.length && !values.includes(state[name]))
    state[name] =
      typeof values[0] === "number" && name !== "ref"
        ? values.reduce((best, one) =>
            Math.abs(Math.log(one / state[name])) < Math.abs(Math.log(best / state[name])) ? one : best,
          )
        : values[0];
  place.hidden = values.length < 2;
  const select = place.querySelector("select"),
    buttons = place.querySelector(".segments");
  select.replaceChildren(
    ...values.map((value) => h("option", { value, selected: value === state[name] }, text(value))),
  );
  buttons?.replaceChildren(
    ...(values.length > 6
      ? []
      : values.map((value) =>
          h(
            "button",
            {
              type: "button",
              "aria-pressed": String(value === state[name]),
              onclick: () => {
                state[name] = value;
                show();
              },
            },
            text(value),
          ),
        )),
  );
  place.classList.toggle("as-list", !buttons || values.length > 6);
}

function showControls() {
  const several = kernels.filter((kernel) => kernel.problems.length > 1),
    offered = (several.length ? several : kernels).flatMap((kernel) =>
      kernel.problems.map((number) => problems[number]),
    );
  // what kernels with several sizes have, and the size that is shown first, which most kernels have
  const measured = [...offered.filter((one) => one.use !== undefined), ...(data.start ? [data.start] : [])],
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
