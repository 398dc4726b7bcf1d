// One mark a cell: a letter or a shape that tells everything without its colour. The letters are the terminal's.

const ALLOWED = { mark: "•", kind: "allowed" };
const DENIED = { mark: "×", kind: "denied" };
const LETTERS = {
  LEAK: { mark: "L", kind: "leak", label: "LEAK" },
  OUTAGE: { mark: "O", kind: "outage", label: "OUTAGE" },
  INCONCLUSIVE: { mark: "?", kind: "inconclusive", label: "INCONCLUSIVE" },
  KNOWN: { mark: "K", kind: "known", label: "KNOWN deviation" },
  IGNORED: { mark: "–", kind: "ignored", label: "IGNORED" },
  MATCH: { mark: "✓", kind: "match", label: "MATCH" },
};
const SEEN = {
  open: { ...ALLOWED, label: "open" },
  "no-answer": { ...DENIED, label: "no answer" },
  refused: { mark: "R", kind: "denied", label: "refused" },
  reset: { mark: "T", kind: "denied", label: "reset" },
  unreachable: { mark: "U", kind: "denied", label: "unreachable" },
  prohibited: { mark: "P", kind: "denied", label: "prohibited" },
  "no-data": { mark: "N", kind: "odd", label: "connected, no data" },
  "wrong-answer": { mark: "W", kind: "odd", label: "wrong answer" },
  "dns-failure": { mark: "D", kind: "odd", label: "DNS failure" },
  fault: { mark: "!", kind: "odd", label: "probe fault" },
};
const EXPECTED = {
  allow: { ...ALLOWED, label: "allow" },
  deny: { ...DENIED, label: "deny" },
  drop: { mark: "D", kind: "denied", label: "drop, in silence" },
  reject: { mark: "R", kind: "denied", label: "reject, with an answer" },
  ignore: { mark: "–", kind: "ignored", label: "never judged" },
};
const PREDICTED = {
  allow: EXPECTED.allow,
  deny: EXPECTED.deny,
  unspecified: { mark: "~", kind: "odd", label: "unspecified" },
};
const UNKNOWN = { mark: "·", kind: "ignored", label: "not known" };
const MATCHED = {
  allowed: { ...ALLOWED, label: "allowed, as declared" },
  denied: { ...DENIED, label: "denied, as declared" },
};

const difference = (face) => {
  const verdict = VERDICTS[face.verdict];
  if (verdict !== "MATCH") return LETTERS[verdict];
  return face.declared === "allow" ? MATCHED.allowed : MATCHED.denied;
};

// A view of a step's matrix: what a flow's face shows in it.
const VIEWS = {
  difference: { title: "Difference", about: "the verdicts", mark: difference },
  declared: { title: "Declared", about: "what the author wrote", mark: (face) => EXPECTED[face.declared] || UNKNOWN },
  predicted: { title: "Predicted", about: "what the published semantics say", mark: (face) => PREDICTED[face.predicted] || UNKNOWN },
  observed: { title: "Observed", about: "what the probes saw", mark: (face) => SEEN[face.observed] || UNKNOWN },
};

const badge = (verdict, label) => el("span", { class: `badge ${LETTERS[verdict].kind}` }, glyph(verdict), label || verdict);
const glyph = (verdict) => el("span", { class: `glyph ${LETTERS[verdict].kind}`, "aria-hidden": "true" }, LETTERS[verdict].mark);

const sample = (mark) => el("span", { class: `sample ${mark.kind}`, "aria-hidden": "true" }, mark.mark);
