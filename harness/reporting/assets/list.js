// The scenarios, wrong first, and their steps in the order in which they were played. What is closed is not built.

function scenarioItem(scenario) {
  const body = el("div", { class: "steps", id: `scenario-${scenario.index + 1}`, hidden: true });
  const button = el("button", { type: "button", class: "opener", "aria-expanded": "false", "aria-controls": body.id },
    el("span", { class: "caret", "aria-hidden": "true" }),
    el("span", { class: "title" }, scenario.name),
    el("span", { class: "counts" }, counts(scenario.tally, scenario.error !== null)));
  const element = el("article", { class: "scenario" }, el("h2", {}, button), body);
  let items = null;

  function build() {
    items = scenario.steps.map(stepItem);
    body.append(
      el("p", { class: "about" }, scenario.about),
      el("p", { class: "meta" }, place(scenario.file), scenario.tags.map((tag) => el("span", { class: "tag" }, tag)),
        scenario.duration !== null && el("span", { class: "faint" }, seconds(scenario.duration))),
      scenario.error !== null ? el("div", { class: "notice doubt" }, el("b", {}, "The scenario was not played to its end"), el("pre", {}, scenario.error)) : "",
      ...items.map((item) => item.element));
    const first = items.filter((item) => isBad(item.step));
    (first.length ? first.slice(0, 1) : items.length === 1 ? items : []).forEach((item) => item.toggle(true));
    update();
  }

  function toggle(isOpen) {
    if (isOpen && !items) build();
    body.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
  }

  function update() {
    element.hidden = !scenario.isShown;
    if (items) items.forEach((item) => item.update());
  }

  button.addEventListener("click", () => toggle(body.hidden));
  return { element, scenario, toggle, update, get isOpen() { return !body.hidden; }, get items() { return items || []; } };
}

const isBad = (step) => step.settled === false || VERDICTS.some((verdict, index) => WRONG.has(verdict) && step.tally[index] > 0);

// What is wrong, each with its letter; what is well only where nothing is wrong.
function counts(tally, hasError) {
  const wrong = VERDICTS.map((verdict, index) => [verdict, tally[index]]).filter(([verdict, count]) => count && (WRONG.has(verdict) || verdict === "KNOWN"));
  const parts = wrong.map(([verdict, count]) => badge(verdict, `${number(count)} ${verdict}`));
  if (hasError) parts.unshift(el("span", { class: "badge error" }, el("span", { class: "glyph inconclusive", "aria-hidden": "true" }, "!"), "not played to its end"));
  const matched = tally[VERDICTS.indexOf("MATCH")];
  if (!parts.length) parts.push(matched ? badge("MATCH", `${number(matched)} MATCH`) : badge("IGNORED", "nothing judged"));
  return parts;
}

function stepItem(step) {
  const body = el("div", { class: "step-body", id: `step-${step.id}`, hidden: true });
  const button = el("button", { type: "button", class: "opener", "aria-expanded": "false", "aria-controls": body.id },
    el("span", { class: "caret", "aria-hidden": "true" }),
    el("span", { class: "title" }, step.name),
    step.predicted && el("span", { class: "tag" }, "expect: predicted"),
    el("span", { class: "counts" }, counts(step.tally, false), step.settled === false && el("span", { class: "badge error" }, "never settled")));
  const passed = el("span", { class: "faint passed" });
  const element = el("section", { class: "step" }, el("h3", {}, button), body);
  let grid = null;

  function build() {
    if (step.count) grid = matrix(step);
    body.append(
      el("p", { class: "meta" }, place(step.at), el("span", { class: "faint" }, plural(step.count, "flow"),
        step.rounds !== null && `, ${plural(step.rounds, "round")}`, step.flaps !== null && `, ${plural(step.flaps, "flap")}`,
        step.duration !== null && `, ${seconds(step.duration)} in all`), passed),
      step.predicted ? el("p", { class: "notice" }, "expect: predicted: this step tests the CNI, not what an author intended.") : "",
      timeline([step], { title: `Enforcement of step ${step.name}`, labelled: false }) || "",
      startLeaks(step) || "",
      ...(grid ? [grid.element] : []),
      findingsOf(step, grid) || "",
      step.diagnostics ? el("details", { class: "diagnostics", open: isBad(step) }, el("summary", {}, "The cluster's own account"), el("pre", { tabindex: "0" }, step.diagnostics)) : "");
  }

  function toggle(isOpen) {
    if (isOpen && !body.childElementCount) {
      body.hidden = false; // before it is built: what is laid out has a size
      build();
    }
    body.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
  }

  function update() {
    element.hidden = step.isShown === false;
    passed.textContent = step.passes ? ` · ${plural(step.passed, "flow")} pass the filters` : "";
    if (grid) grid.restyle();
  }

  button.addEventListener("click", () => toggle(body.hidden));
  return { element, step, toggle, update, print: (isPrinting) => grid && !body.hidden && grid.print(isPrinting) };
}

function startLeaks(step) {
  if (!step.leaks) return null;
  if (!step.leaks.length) return el("p", { class: "faint" }, "No flow of the pods that came with this step was open before it settled as closed.");
  return el("div", { class: "notice doubt" },
    el("b", {}, `${plural(step.leaks.length, "flow")} of fresh pods stood open before they settled as closed`),
    el("ul", {}, step.leaks.slice(0, 20).map(([source, destination, plane]) =>
      el("li", {}, endpoint(text(source)), " → ", endpoint(text(destination)), `:${planes[plane].name}`))),
    step.leaks.length > 20 && el("p", {}, `and ${number(step.leaks.length - 20)} more`));
}

// Flows of one cause together: what happened, to which flows, and the evidence for the first of them.
const MOST_FINDINGS = 30;
function findingsOf(step, grid) {
  if (!step.findings.length) return null;
  const list = el("ol", { class: "findings" }, step.findings.slice(0, MOST_FINDINGS).map((finding) => findingItem(step, finding, grid)));
  const left = step.findings.length - MOST_FINDINGS;
  return el("div", {}, el("h4", {}, "Findings"), list, left > 0 && el("button", { type: "button", class: "quiet", onclick: (event) => {
    list.append(...step.findings.slice(MOST_FINDINGS).map((finding) => findingItem(step, finding, grid)));
    event.target.remove();
  } }, `Show ${plural(left, "more finding")}`));
}

function findingItem(step, finding, grid) {
  const first = flowAt(step, finding.spans[0]);
  const details = el("details", { class: "finding" }, el("summary", {}, el("span", { class: "line" }, badge(finding.verdict, `${number(finding.count)} ${finding.verdict}`), " ", el("span", { class: "why" }, finding.why))));
  // Built when it is opened: there may be thousands.
  const fill = () => details.childElementCount > 1 || details.append(
    el("div", { class: "inside" },
      finding.count > 1 && el("p", { class: "faint" }, "The evidence for ", el("b", {}, first.name)),
      evidence(first).slice(1)));
  details.addEventListener("toggle", () => details.open && fill());
  details.fill = fill;
  const show = el("button", { type: "button", class: "quiet show", onclick: () => grid.open(finding.spans[0]) }, "Show in the matrix");
  return el("li", {}, el("ul", { class: "shapes" }, finding.shapes.map((shape) => el("li", {}, shape))), details, links(finding.why), show);
}

// A reason may name where a known deviation is told about; only http and https become links.
function links(why) {
  const found = why.match(/https?:\/\/[^\s)>\]"'`,;]+/g) || [];
  return found.length > 0 && el("p", { class: "links" }, found.map((address) => el("a", { href: address, rel: "noreferrer noopener" }, address)));
}
