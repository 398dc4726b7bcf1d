// The evidence for one flow, and the panel that shows it beside a matrix.

function evidence(flow) {
  return [
    el("p", { class: "why" }, flow.why),
    el("dl", { class: "answers" },
      answer("Declared", flow.declared || "nothing", flow.copied && "copied from the prediction"),
      answer("Predicted", flow.predicted, flow.reason),
      answer("Baseline", flow.baseline || "not known", "before the policies"),
      answer("Observed", flow.observed || "never tried", flow.settled === false && "still changing")),
    el("dl", { class: "facts" },
      fact("Asked by", endpoint(flow.source)),
      fact("Answered by", flow.answeredBy ? endpoint(flow.answeredBy) : flow.observed && (flow.observed === "open" ? "somebody who was not recorded" : "nobody")),
      fact("Client saw", flow.observed && [SEEN[flow.observed]?.label || flow.observed, flow.detail && `: ${flow.detail}`]),
      fact("Arrived", { true: "yes: the destination logged the nonce", false: "no: not in the destination's log", null: "not known: the destination's log was not read" }[flow.arrived]),
      fact("Listener", { true: "alive: it answered its own pod", false: "dead: it did not answer its own pod", null: null }[flow.alive]),
      fact("Also open", flow.alsoOpenFrom && ["from ", endpoint(flow.alsoOpenFrom)]),
      fact("Latency", flow.latency !== null && seconds(flow.latency)),
      fact("Rounds", flow.step.rounds !== null && [plural(flow.step.rounds, "round"), flow.step.settled ? ", settled" : ", not settled"]),
      fact("Declared at", place(flow.declaredAt)),
      fact("Because", flow.because)),
    decides(flow),
    flow.command && el("section", {}, el("h4", {}, "Try it by hand, in ", endpoint(flow.source)), copyable(flow.command, "the command to try")),
    flow.raw && el("details", { class: "raw" }, el("summary", {}, "What crossed the wire"), el("pre", { tabindex: "0" }, flow.raw)),
  ];
}

function answer(title, value, note) {
  return el("div", {}, el("dt", {}, title), el("dd", {}, el("b", {}, value), note && el("small", {}, note)));
}

function fact(title, value) {
  if (value === null || value === undefined || value === false) return null;
  return el("div", {}, el("dt", {}, title), el("dd", {}, value));
}

function decides(flow) {
  const { explanation } = flow;
  const { scenario } = flow.step;
  const ask = ["netpol-harness", "explain", scenario.file, "--step", flow.step.name, "--flow", flow.pattern].map(quoted).join(" ");
  return el("section", { class: "decides" },
    el("h4", {}, "Who decides"),
    explanation
      ? [!explanation.sides.length && el("p", {}, explanation.why), explanation.sides.map(sideOf)]
      : el("p", { class: "faint" }, "Told here only for the first wrong flows of a step."),
    el("p", { class: "faint asking" }, explanation ? "Every rule of it, offline:" : "For this one, offline:"),
    copyable(ask, "the command that explains it"));
}

function sideOf(side) {
  // One policy that allows settles a side, so it comes before those that do not.
  const policies = [...side.policies].sort((one, other) => (other.decision === "allow") - (one.decision === "allow"));
  return el("div", { class: "side" },
    el("p", {}, el("b", {}, side.direction), side.direction === "Ingress" ? " into " : " out of ", endpoint(side.pod), ": ", el("b", {}, side.prediction)),
    policies.length ? el("ul", {}, policies.map((policy) => policyOf(policy, side))) : el("p", { class: "faint" }, side.why));
}

function policyOf(policy, side) {
  const direction = side.direction.toLowerCase();
  const peer = policy.peer === null ? "" : `, peer ${policy.peer + 1}`;
  const verdict =
    policy.rule !== null ? `${direction} rule ${policy.rule + 1}${peer} matches`
    : policy.misses.length ? `no ${direction} rule matches`
    : `it has no ${direction} rules`;
  return el("li", {},
    el("div", {}, el("span", { class: "policy" }, policy.name), " ", place(policy.location)),
    el("div", {}, el("b", {}, policy.decision), policy.reason && ` (${policy.reason})`, ": ", verdict),
    policy.misses.length > 0 && el("ul", { class: "misses" }, policy.misses.map((miss) => el("li", {}, miss))));
}

// The panel: one for the page. It follows the matrix while it is open, and gives the focus back when it closes.
const panel = (() => {
  const body = el("div", { class: "body" });
  const title = el("h3", { id: "evidence-title", tabindex: "-1" });
  const close = el("button", { type: "button", class: "quiet", "aria-label": "Close the evidence", onclick: () => hide() }, "Close");
  const aside = el("aside", { id: "evidence", "aria-labelledby": "evidence-title", hidden: true },
    el("div", { class: "head" }, title, close), body);
  let origin = null;

  function show(flow, from) {
    title.replaceChildren(badge(flow.verdict), " ", flow.name);
    body.replaceChildren(...evidence(flow).flat().filter(Boolean));
    body.scrollTop = 0;
    aside.hidden = false;
    document.body.classList.add("with-evidence");
    if (from) origin = from;
  }

  function hide() {
    if (aside.hidden) return;
    aside.hidden = true;
    document.body.classList.remove("with-evidence");
    if (origin) origin();
    origin = null;
  }

  // As a sheet at the foot of a phone it would hide the very cell that it tells about.
  function uncover(cell) {
    const sheet = aside.getBoundingClientRect();
    const below = cell.getBoundingClientRect().bottom - sheet.top;
    if (sheet.left === 0 && below > -24) scrollBy({ top: below + 48 });
  }

  aside.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  return { element: aside, step: null, show, hide, uncover, focus: () => title.focus(), get isOpen() { return !aside.hidden; } };
})();
