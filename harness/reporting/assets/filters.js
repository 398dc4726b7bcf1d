// What is shown: flows by verdict and words, scenarios by tag. A filter that is not set lets everything pass.

const filter = { verdicts: new Set(), tag: "", words: [] };

// For each word, which of the page's strings hold it; found once, so that a hundred thousand flows take a few milliseconds.
function holding(word) {
  const hits = new Uint8Array(data.strings.length);
  data.strings.forEach((string, index) => (hits[index] = string.toLowerCase().includes(word)));
  const planeHits = Uint8Array.from(planes, (plane) => `:${plane.name}`.toLowerCase().includes(word));
  return { word, hits, planeHits };
}

// Sets each step's `passes` (null: every flow does) and `passed`, and tells what is left.
function applyFilter() {
  const words = filter.words.map(holding);
  const everything = !filter.verdicts.size && !words.length;
  const wanted = Uint8Array.from(VERDICTS, (name) => !filter.verdicts.size || filter.verdicts.has(name));
  const left = { scenarios: 0, steps: 0, flows: 0 };
  for (const scenario of scenarios) {
    const tagged = !filter.tag || scenario.tags.includes(filter.tag);
    const about = [scenario.name, scenario.file, scenario.error || "", ...scenario.tags].join("\n").toLowerCase();
    for (const step of scenario.steps) {
      const context = `${about}\n${step.name.toLowerCase()}`;
      if (!tagged) [step.passes, step.passed] = [null, 0];
      else if (everything) [step.passes, step.passed] = [null, step.count];
      else passing(step, wanted, words.filter(({ word }) => !context.includes(word)));
      step.isShown = tagged && (everything || step.passed > 0);
      left.steps += step.isShown;
      left.flows += step.passed;
    }
    const isNamed = words.every(({ word }) => about.includes(word));
    // A scenario that died has no flows to be found by.
    scenario.isShown = scenario.steps.some((step) => step.isShown) ||
      (tagged && isNamed && (!filter.verdicts.size || (scenario.error !== null && filter.verdicts.has("INCONCLUSIVE"))));
    left.scenarios += scenario.isShown;
  }
  return left;
}

function passing(step, wanted, words) {
  const passes = new Uint8Array(step.count);
  let passed = 0;
  for (let index = 0; index < step.count; index++) {
    const face = step.faces[index];
    if (!wanted[verdictOfFace[face]]) continue;
    const found = words.every(({ hits, planeHits }) =>
      hits[step.sources[index]] || hits[step.destinations[index]] || planeHits[step.planes[index]] ||
      (step.reasons[index] >= 0 && hits[step.reasons[index]]));
    if (found) passed += passes[index] = 1;
  }
  [step.passes, step.passed] = [passed === step.count ? null : passes, passed];
}

function filters(changed) {
  const status = el("p", { class: "left", role: "status", "aria-live": "polite" });
  const tags = [...new Set(scenarios.flatMap((scenario) => scenario.tags))].sort();

  function apply() {
    const left = applyFilter();
    const isSet = filter.verdicts.size || filter.tag || filter.words.length;
    status.textContent = isSet
      ? `${number(left.scenarios)} of ${plural(scenarios.length, "scenario")}, ${plural(left.steps, "step")}, ${plural(left.flows, "flow")}`
      : `${plural(scenarios.length, "scenario")}, ${plural(steps.length, "step")}, ${plural(left.flows, "flow")}`;
    clear.hidden = !isSet;
    changed(isSet);
  }

  const tiles = VERDICTS.map((verdict, index) => {
    const tile = el("button", { type: "button", class: `tile ${LETTERS[verdict].kind}${total[index] ? "" : " none"}`, "aria-pressed": "false", "data-verdict": verdict },
      glyph(verdict), el("span", { class: "amount" }, number(total[index])), el("span", { class: "name" }, verdict));
    tile.addEventListener("click", () => {
      const isOn = !filter.verdicts.delete(verdict) && !!filter.verdicts.add(verdict);
      tile.setAttribute("aria-pressed", String(isOn));
      apply();
    });
    return tile;
  });
  const search = el("input", { type: "search", id: "words", placeholder: "Pod, port, scenario, reason …", autocomplete: "off", spellcheck: "false" });
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      filter.words = search.value.toLowerCase().split(/\s+/).filter((word) => word && word !== "->" && word !== "→");
      apply();
    }, 60);
  });
  const tag = el("select", { id: "tag" }, el("option", { value: "" }, "Every tag"), tags.map((name) => el("option", { value: name }, name)));
  tag.addEventListener("change", () => {
    filter.tag = tag.value;
    apply();
  });
  const clear = el("button", { type: "button", class: "quiet", hidden: true, onclick: () => {
    filter.verdicts.clear();
    tiles.forEach((tile) => tile.setAttribute("aria-pressed", "false"));
    search.value = tag.value = filter.tag = "";
    filter.words = [];
    apply();
  } }, "Clear");
  return {
    tiles: el("div", { class: "tiles", role: "group", "aria-label": "Verdicts: press one to see only its flows" }, tiles),
    bar: el("div", { class: "filters", role: "search" },
      el("label", { for: "words", class: "hidden" }, "Search flows, scenarios and reasons"), search,
      tags.length > 0 && [el("label", { for: "tag", class: "hidden" }, "Tag"), tag], clear, status),
    apply,
  };
}
