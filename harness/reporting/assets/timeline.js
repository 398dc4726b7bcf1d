// Enforcement latency: for each step how long its changes took to be in force, as a plot and as a table.

const MOMENTS = [
  { key: "barrier", title: "Barrier", about: "the sentinel policy was seen in force" },
  { key: "correct", title: "First correct", about: "the first round in which every flow was as declared" },
  { key: "settle", title: "Settled", about: "the whole matrix had stayed the same for long enough" },
];
const MOST_ROWS = 24;

function timeline(all, { title, labelled = true }) {
  const timed = all.filter((step) => MOMENTS.some(({ key }) => step[key] !== null) || step.settled === false);
  if (!timed.length) return null;
  const slowest = labelled ? [...timed].sort((one, other) => lasting(other) - lasting(one)) : timed;
  const plot = el("div", { class: "plot" }, drawn(slowest.slice(0, MOST_ROWS), title, labelled));
  const more = slowest.length > MOST_ROWS && el("button", { type: "button", class: "quiet", onclick: (event) => {
    plot.replaceChildren(drawn(slowest, title, labelled));
    event.target.remove();
  } }, `Show all ${number(slowest.length)} steps`);
  return el("div", { class: "timeline" }, key(), plot, more,
    labelled && el("details", {}, el("summary", {}, "The same as a table"), el("div", { class: "scroller" }, tabled(slowest))));
}

const lasting = (step) => (step.settled === false ? Infinity : known(step));
const labelOf = (step) => `${step.scenario.name} / ${step.name}`;

function key() {
  return el("ul", { class: "legend", "aria-hidden": "true" }, MOMENTS.map(({ key, title, about }) =>
    el("li", { title: about }, svg("svg", { class: "plotted", width: 14, height: 14, viewBox: "-7 -7 14 14" }, moment(key, 0, 0)), " ", title)));
}

// Told apart by shape: a diamond, a ring, a bar.
function moment(key, x, y) {
  const shapes = {
    barrier: () => svg("path", { d: `M${x} ${y - 5}l5 5-5 5-5-5z` }),
    correct: () => svg("circle", { cx: x, cy: y, r: 4 }),
    settle: () => svg("rect", { x: x - 2, y: y - 6, width: 4, height: 12, rx: 1 }),
  };
  const shape = shapes[key]();
  shape.setAttribute("class", `moment ${key}`);
  return shape;
}

function told(step) {
  const moments = MOMENTS.filter(({ key }) => step[key] !== null).map(({ key, title }) => `${title.toLowerCase()} after ${seconds(step[key])}`);
  if (step.settled === false) moments.push("never settled");
  if (step.flaps) moments.push(plural(step.flaps, "flap"));
  return `${labelOf(step)}: ${moments.join(", ")}`;
}

function drawn(rows, title, labelled) {
  // Drawn for the width that there is, so that letters keep their size: on a phone a label stands above its line.
  const width = Math.max(280, Math.min(labelled ? 960 : 820, document.documentElement.clientWidth - 88));
  const isNarrow = width < 600;
  const labels = rows.map((step) => (labelled ? shortened(labelOf(step), isNarrow ? 46 : 38) : ""));
  const left = labelled && !isNarrow ? Math.max(...labels.map((label) => label.length)) * 6.8 + 20 : 8;
  const right = 118;
  const pitch = labelled && isNarrow ? 42 : 24;
  const base = labelled && isNarrow ? 30 : 16;
  const { ticks, end } = scale(Math.max(...rows.map(known), 0.001), isNarrow ? 2 : 4);
  const x = (time) => left + ((width - left - right) * time) / end;
  const height = rows.length * pitch + 26;
  const plot = svg("svg", { class: "plotted", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}. ${rows.slice(0, 5).map(told).join(". ")}` });
  for (const tick of ticks) {
    plot.append(
      svg("line", { class: "tick", x1: x(tick), x2: x(tick), y1: 4, y2: height - 20 }),
      svg("text", { class: "unit", x: x(tick), y: height - 6, "text-anchor": tick === 0 ? "start" : "middle" }, tick === 0 ? "0" : seconds(tick)));
  }
  rows.forEach((step, row) => plot.append(bar(step, { y: row * pitch + base, x, right: width - right, label: labels[row], left, isNarrow })));
  return plot;
}

const known = (step) => Math.max(...MOMENTS.map(({ key }) => step[key] ?? 0));
const shortened = (label, most) => (label.length > most ? `${label.slice(0, most / 2 - 2)}…${label.slice(1 - most / 2)}` : label);

function bar(step, { y, x, right, label, left, isNarrow }) {
  const isEndless = step.settled === false;
  const end = isEndless ? right : x(known(step));
  const remark = isEndless ? "never settled" : `${seconds(known(step))}${step.flaps ? `, ${plural(step.flaps, "flap")}` : ""}`;
  return svg("g", {},
    svg("title", {}, told(step)),
    label && (isNarrow
      ? svg("text", { class: "label", x: left, y: y - 12 }, label)
      : svg("text", { class: "label", x: left - 12, y: y + 4, "text-anchor": "end" }, label)),
    svg("line", { class: isEndless ? "span endless" : "span", x1: x(0), x2: end, y1: y, y2: y }),
    step.barrier !== null && svg("line", { class: "span waiting", x1: x(0), x2: x(step.barrier), y1: y, y2: y }),
    MOMENTS.filter(({ key }) => step[key] !== null && !(key === "settle" && isEndless)).map(({ key }) => moment(key, x(step[key]), y)),
    svg("text", { class: isEndless || step.flaps ? "remark odd" : "remark", x: end + 8, y: y + 4 }, remark));
}

// A few round steps of 1, 2 or 5.
function scale(longest, few) {
  const rough = longest / few;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const ticks = [];
  for (let tick = 0; tick < longest + step * 0.999; tick += step) ticks.push(Number(tick.toPrecision(6)));
  return { ticks, end: ticks[ticks.length - 1] };
}

function tabled(rows) {
  return el("table", { class: "figures" },
    el("caption", { class: "hidden" }, "Enforcement latency by step"),
    el("thead", {}, el("tr", {}, ["Scenario", "Step", ...MOMENTS.map(({ title }) => title), "Rounds", "Flaps"].map((title) => el("th", { scope: "col" }, title)))),
    el("tbody", {}, rows.map((step) => el("tr", {},
      el("th", { scope: "row" }, step.scenario.name), el("td", {}, step.name),
      MOMENTS.map(({ key }) => el("td", { class: "figure" }, key === "settle" && step.settled === false ? "never" : seconds(step[key]))),
      [step.rounds, step.flaps].map((count) => el("td", { class: "figure" }, count === null ? "?" : number(count)))))));
}
