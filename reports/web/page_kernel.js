// One kernel at the chosen size: what to use, why, its table, its charts, and its code.

function picks(kernel, problem) {
  const base = problem.references[state.ref],
    name = (number) => kernel.implementations[number].slug,
    ties = problem.ties.slice(1).map(name),
    more = ties.length > 2 ? ` and ${ties.length - 2} more` : "";
  const ratio = (number) => {
    if (base === null || number === base) return undefined;
    if (problem.ties.includes(number) && problem.ties.includes(base)) return h("b", "tie");
    return [h("b", caseOf(problem, number).than[state.ref] ?? "–"), h("span", `than ${name(base)}`)];
  };
  const pick = (title, reference, ...figures) => {
    const number = problem.references[reference];
    if (number === null) return undefined;
    const same = reference !== FASTEST && number === problem.use,
      named = () => [nameOf(kernel, number), figures, ratio(number)];
    return h("div", h("dt", title), h("dd", same ? h("span.same", "the same") : named()));
  };
  return h(
    "dl.picks",
    pick(
      "Use",
      FASTEST,
      h("b", time(caseOf(problem, problem.use).t[0])),
      ties.length ? h("span", `about as fast: ${ties.slice(0, 2).join(", ")}${more}`) : undefined,
    ),
    pick("NumPy/SciPy only", NUMPY),
    pick("Textbook", TEXTBOOK),
  );
}

function showKernel(place) {
  const kernel = kernels.find((one) => one.name === place.dataset.kernel),
    problem = nearest(kernel),
    remark = data.start ? otherSize(problem) : "";
  const line = place.querySelector(".fold-answers");
  if (problem.use !== undefined) {
    const best = caseOf(problem, problem.use),
      [numpy, numpyRatio] = answerCell(kernel, problem, NUMPY),
      [book, bookRatio] = answerCell(kernel, problem, TEXTBOOK);
    line.replaceChildren(
      h("span", { "data-head": "Use" }, nameOf(kernel, problem.use), h("b", time(best.t[0]))),
      h("span", { "data-head": "NumPy/SciPy only" }, numpy, h("b", numpyRatio)),
      h("span", { "data-head": "Textbook" }, book, h("b", bookRatio)),
    );
  }
  if (!place.open) {
    place.dataset.stale = "yes";
    return;
  }
  delete place.dataset.stale;
  const answers = place.querySelector(".kernel-answers"),
    body = place.querySelector(".kernel-body");
  answers.replaceChildren(
    h(
      "p.size",
      sizeText(problem),
      remark ? h("span", ` (the nearest measured size; you chose ${chosenInstead(problem)})`) : undefined,
    ),
  );
  if (problem.use === undefined) {
    body.replaceChildren(caseTable(kernel, problem));
    return;
  }
  answers.append(picks(kernel, problem));
  if (problem.why) answers.append(h("p.because", h("b", "Why. "), prose(problem.why)));
  const [open, command] = problem.undecided;
  if (open)
    answers.append(h("p.because", h("b", "Undecided. "), prose(open), command ? commandOf(command) : undefined));
  const copying = { type: "button", onclick: (event) => copy(event.target, kernel, problem) },
    foot = h("p.foot", problem.note, " ", h("button.copy", copying, "Copy the table"));
  const parts = [caseTable(kernel, problem), foot, charts(kernel, problem), stageTable(kernel, problem)];
  body.replaceChildren(...parts.filter(Boolean));
  for (const note of place.querySelectorAll(".slowest")) note.hidden = note.dataset.size !== problem.size;
  for (const block of place.querySelectorAll(".code-block[data-size]")) {
    const same = block.dataset.size === problem.size;
    block.classList.toggle("other-size", !same);
    const note = block.querySelector(".apart");
    if (note) {
      note.hidden = same;
      note.replaceChildren(
        "not profiled at this size: ",
        commandOf(`w2vbench profile ${block.dataset.slug}@${problem.size}`),
      );
    }
  }
}

async function copy(button, kernel, problem) {
  const lines = [
    ["implementation", "time per call", `than ${REFERENCES[state.ref]}`, "memory"],
    ["---", "---:", "---:", "---:"],
    ...sortedCases(problem).map((one) => [
      kernel.implementations[one.i].slug,
      ...(one.t ? [time(one.t[0]), ratioText(problem, one), bytes(held(one))] : [one.status, "", ""]),
    ]),
  ];
  const text = `${kernel.name} at ${sizeText(problem)}\n\n${lines.map((line) => `| ${line.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n")}\n`;
  await clipboard(text);
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = "Copy the table";
  }, 1200);
}

async function clipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // a page opened from disk may not be allowed to
    const area = h("textarea", text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
