// The page: facts of the run, filters, scenarios, latency; and what happens around them.

function facts() {
  const { run } = data;
  const { cluster } = run;
  const item = (title, value) => value !== null && value !== undefined && el("div", {}, el("dt", {}, title), el("dd", {}, value));
  const cni = cluster && text(cluster.cni);
  const version = cluster && text(cluster.version);
  return el("dl", { class: "run-facts" },
    item("Cluster", cluster ? text(cluster.kind) : "none was opened"),
    item("CNI", cni && (version && !cni.includes(version) ? `${cni} ${version}` : cni)),
    item("Kubernetes", cluster && text(cluster.kubernetes)),
    item("IP families", cluster && text(cluster.families)),
    item("Started", started(text(run.started))),
    item("Took", run.duration === null ? null : seconds(run.duration)),
    item("Commit", text(run.commit)),
    item("Run", text(run.id)));
}

function started(instant) {
  if (instant === null) return null;
  return el("time", { datetime: instant, title: instant }, instant.replace("T", " ").replace("Z", " UTC"));
}

function notices() {
  const { run } = data;
  const notes = run.cluster ? run.cluster.notes.map(text) : [];
  const never = steps.filter((step) => step.settled === false);
  return [
    run.cluster?.emulated && el("p", { class: "notice doubt" }, el("b", {}, "Emulated cluster: "), "never evidence about a CNI."),
    run.interrupted && el("p", { class: "notice doubt" }, el("b", {}, "Interrupted: "), "this is what had been tried until then."),
    text(run.error) !== null && el("div", { class: "notice doubt" }, el("b", {}, "The run was stopped"), el("pre", {}, text(run.error))),
    never.length > 0 && el("p", { class: "notice doubt" }, el("b", {}, `${plural(never.length, "step")} never settled: `), never.slice(0, 6).map(labelOf).join("; "), never.length > 6 && ` and ${number(never.length - 6)} more`),
    notes.length > 0 && el("details", { class: "notes" }, el("summary", {}, `What must be known of this cluster (${number(notes.length)})`), el("ul", {}, notes.map((note) => el("li", {}, note)))),
  ];
}

// Light, dark, or as the system has it; remembered where the browser lets a page remember.
function themes() {
  const NAMES = ["auto", "light", "dark"];
  const stored = () => { try { return localStorage.getItem("netpol-theme"); } catch { return null; } };
  const button = el("button", { type: "button", class: "quiet", id: "theme" });
  const set = (name) => {
    if (name === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", name);
    button.textContent = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" }[name];
    button.value = name;
    try { localStorage.setItem("netpol-theme", name); } catch { /* a page without storage forgets */ }
  };
  button.addEventListener("click", () => set(NAMES[(NAMES.indexOf(button.value) + 1) % NAMES.length]));
  set(NAMES.includes(stored()) ? stored() : "auto");
  return button;
}

const items = [...scenarios].sort((one, other) => concern(one) - concern(other) || one.index - other.index).map(scenarioItem);
const nothing = el("p", { class: "nothing", hidden: true }, "Nothing passes these filters.");
const controls = filters((isSet) => {
  items.forEach((item) => item.update());
  const shown = items.filter((item) => item.scenario.isShown);
  nothing.hidden = shown.length > 0;
  // Few are left of many: no need to click each of them open.
  if (isSet && shown.length === 1) shown[0].toggle(true);
});
const latency = timeline(steps, { title: "Enforcement latency of the slowest steps" });

document.getElementById("tools").append(themes());
document.getElementById("summary").append(...[controls.tiles, facts(), ...notices()].flat().filter(Boolean));
document.getElementById("main").append(...[
  el("section", { class: "scenarios", id: "scenarios", tabindex: "-1", "aria-label": "Scenarios" }, controls.bar, nothing, items.map((item) => item.element)),
  latency && el("section", { class: "latency", "aria-labelledby": "latency" }, el("h2", { id: "latency" }, "Enforcement latency"),
    el("p", { class: "about" }, "From the end of a step's changes to the moment when they were seen in force; the slowest steps first."), latency),
  panel.element,
].filter(Boolean));
controls.apply();
if (items.length && (concern(items[0].scenario) <= VERDICTS.indexOf("INCONCLUSIVE") || items.length === 1)) items[0].toggle(true);

addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    document.getElementById("words").focus();
  } else if (event.key === "Escape" && panel.isOpen) panel.hide();
});

// On paper everything that matters is open: what is wrong, with its evidence, up to what somebody would carry.
const MOST_PRINTED = 40;
let opened = [];
addEventListener("beforeprint", () => {
  panel.hide();
  opened = [];
  let left = MOST_PRINTED;
  for (const item of items) {
    if (!item.scenario.isShown) continue;
    if (left > 0 && (item.scenario.error !== null || item.scenario.steps.some(isBad)) && !item.isOpen) {
      item.toggle(true);
      opened.push(() => item.toggle(false));
    }
    for (const step of item.items) {
      if (isBad(step.step) && left-- > 0) step.toggle(true);
      step.print(true);
    }
  }
  document.querySelectorAll("details.finding").forEach((details) => details.fill());
  document.querySelectorAll("details:not(.raw):not([open])").forEach((details) => {
    details.open = true;
    opened.push(() => (details.open = false));
  });
});
addEventListener("afterprint", () => {
  opened.forEach((close) => close());
  items.forEach((item) => item.items.forEach((step) => step.print(false)));
});
