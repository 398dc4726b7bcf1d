// The reader of columns.py and payload.py: tables, and flows made of them when they are asked for.

const data = JSON.parse(document.getElementById("data").textContent);
const VERDICTS = data.verdicts;
const WRONG = new Set(["LEAK", "OUTAGE", "INCONCLUSIVE"]);
const text = (index) => (index < 0 ? null : data.strings[index]);

const planes = data.planes.map(([port, protocol, via, family]) => ({
  port,
  protocol: text(protocol),
  via: text(via),
  family: text(family),
}));

// What is ordinary, by pod address over IPv4, goes without saying, as everywhere in the harness.
function planeName(plane) {
  const via = plane.via === "pod" ? "" : ` via ${plane.via}`;
  return `${plane.port}/${plane.protocol}${via}${plane.family === "IPv4" ? "" : ` over ${plane.family}`}`;
}
planes.forEach((plane) => (plane.name = planeName(plane)));

const FACE = ["verdict", "declared", "declaredAt", "because", "copied", "predicted", "reason", "baseline",
  "observed", "detail", "arrived", "alive", "settled", "answeredBy", "alsoOpenFrom"];
const TEXTUAL = new Set(["declared", "declaredAt", "because", "predicted", "reason", "baseline", "observed", "detail",
  "answeredBy", "alsoOpenFrom"]);
const faces = data.faces.map((row) =>
  Object.fromEntries(FACE.map((name, index) => [name, TEXTUAL.has(name) ? text(row[index]) : row[index]])),
);
const verdictOfFace = Uint8Array.from(faces, (face) => face.verdict);

function column(packed, count) {
  const values = new Int32Array(count);
  if (Array.isArray(packed)) values.set(packed);
  else
    for (let run = 0, at = 0; run < packed.runs.length; run += 2) {
      values.fill(packed.runs[run], at, (at += packed.runs[run + 1]));
    }
  return values;
}

const steps = [];
const scenarios = data.scenarios.map((raw, index) => {
  const scenario = {
    index,
    name: text(raw.name),
    file: text(raw.file),
    about: text(raw.about),
    tags: raw.tags.map(text),
    error: text(raw.error),
    duration: raw.duration,
  };
  scenario.steps = raw.steps.map((step, position) => decodedStep(step, scenario, position));
  scenario.tally = scenario.steps.reduce((sum, step) => sum.map((count, verdict) => count + step.tally[verdict]), VERDICTS.map(() => 0));
  return scenario;
});

function decodedStep(raw, scenario, position) {
  const step = { ...raw, scenario, position, id: `${scenario.index + 1}.${position + 1}`, name: text(raw.name), at: text(raw.at), diagnostics: text(raw.diagnostics) };
  for (const name of Object.keys(raw.columns)) step[name] = column(raw.columns[name], raw.count);
  step.tally = VERDICTS.map(() => 0);
  for (const face of step.faces) step.tally[verdictOfFace[face]] += 1;
  step.findings = raw.findings.map(([verdict, why, shapes, spans]) => ({
    verdict: VERDICTS[verdict],
    why: text(why),
    shapes: shapes.map(text),
    spans,
    count: spans.reduce((sum, length, at) => (at % 2 ? sum + length : sum), 0),
  }));
  // Every flow passes the filters until one is set; filters.js replaces this.
  step.passes = null;
  steps.push(step);
  return step;
}

const total = VERDICTS.map((_, verdict) => scenarios.reduce((sum, scenario) => sum + scenario.tally[verdict], 0));

function flowAt(step, index) {
  const face = faces[step.faces[index]];
  const plane = planes[step.planes[index]];
  const [explanation, command, raw] = step.explained[index] || [-1, -1, -1];
  const source = text(step.sources[index]);
  const destination = text(step.destinations[index]);
  const via = plane.via === "pod" ? "" : ` via ${plane.via}`;
  return {
    ...face,
    step,
    index,
    verdict: VERDICTS[face.verdict],
    source,
    destination,
    plane,
    // As `explain --flow` takes it, and as the terminal writes it.
    pattern: `${source} -> ${destination}:${plane.port}/${plane.protocol}`,
    name: `${source} → ${destination}:${plane.port}/${plane.protocol}${via}${plane.family === "IPv4" ? "" : ` over ${plane.family}`}`,
    why: text(step.reasons[index]) || "it was not judged",
    latency: step.latencies[index] < 0 ? null : step.latencies[index] / 1e5,
    explanation: explanation < 0 ? null : explained(explanation),
    command: text(command),
    raw: text(raw),
  };
}

function explained(index) {
  const [prediction, why, sides] = data.explanations[index];
  return {
    prediction: text(prediction),
    why: text(why),
    sides: sides.map((side) => {
      const [direction, pod, decision, because, policies] = data.sides[side];
      return { direction: text(direction), pod: text(pod), prediction: text(decision), why: text(because), policies: policies.map(policy) };
    }),
  };
}

function policy(index) {
  const [name, location, rule, peer, decision, reason, misses] = data.policies[index];
  return { name: text(name), location: text(location), rule, peer, decision: text(decision), reason: text(reason), misses: misses.map(text) };
}

// The worst verdict that a tally holds, as an index: smaller is worse. An error is doubt, a little worse than any other.
const worst = (tally) => tally.findIndex((count) => count > 0);
function concern(scenario) {
  const verdict = worst(scenario.tally);
  const found = verdict < 0 ? VERDICTS.length : verdict;
  const doubt = VERDICTS.indexOf("INCONCLUSIVE");
  if (scenario.error !== null) return Math.min(found, doubt - 0.5);
  return scenario.steps.some((step) => step.settled === false) ? Math.min(found, doubt) : found;
}
