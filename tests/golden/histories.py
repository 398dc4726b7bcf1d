"""A few weeks of nightly runs, built in code, that every view of a history is rendered from.

On Calico: a good night; one without proof for a flow; an upgrade that brings a leak; a night that was cut short; a
leak less, an outage more, a scenario more and a step less. On Cilium: three nights, two of one commit that disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.model.flow import Family, Flow
from harness.model.result import ClusterFacts, FlowResult, Judgement, Outcome, RunResult, ScenarioResult, Verdict
from harness.reporting.comparison import contrast
from harness.reporting.comparison import export as comparison_export
from harness.reporting.comparison import listing as comparison_listing
from harness.reporting.comparison import page as comparison_page
from harness.reporting.comparison.contrast import Contrast
from harness.reporting.history import export, issue, listing, page
from harness.reporting.history.changes import entry
from harness.reporting.history.lanes import Across
from harness.reporting.history.overview import Overview, Selection, build
from harness.reporting.history.records import record
from tests.golden import results
from tests.golden.results import flow, leaked, matched, scenario, step

CALICO = ClusterFacts("kind", emulated=False, cni="calico", cni_version="v3.30.1", kubernetes="v1.34.1")
UPGRADED = replace(CALICO, cni_version="v3.30.2", families=(Family.IPV4,))
CALICO = replace(CALICO, families=(Family.IPV4,))
CILIUM = ClusterFacts(
    "kind", emulated=False, cni="cilium", cni_version="v1.18.2", kubernetes="v1.34.1", families=(Family.IPV4,)
)
COMMITS = [letter * 40 for letter in "a1c4"]

DB = flow("guest/visitor", "shop/db", 5432)
WEB = flow("guest/visitor", "shop/frontend", 8080)
ASKED = flow("shop/frontend", "shop/backend", 8080)


def night(
    run: str,
    started: str,
    facts: ClusterFacts,
    commit: str,
    wrong: Mapping[Flow, Verdict],
    *more: ScenarioResult,
    slow: float = 1.0,
    steps: tuple[str, ...] = ("segmented", "frontend retired"),
) -> RunResult:
    """Build a night of one shop, with the flows that were not as declared."""
    cells = [DB, WEB, ASKED, flow("shop/backend", "shop/db", 5432), flow("shop/db", "shop/db", 5432)]
    made = [
        step(
            name,
            [_result(cell, wrong if name == "segmented" else {}) for cell in cells],
            first_correct_s=slow * (1 + 0.4 * number),
            settle_s=slow * 2,
        )
        for number, name in enumerate(steps)
    ]
    whole = (scenario("three-tier-shop", *made), *more)
    return RunResult(run, started, 61.5, facts, whole, commit=commit)


def _result(cell: Flow, wrong: Mapping[Flow, Verdict]) -> FlowResult:
    good = matched(cell, allowed=cell.source.startswith("shop/"))
    match wrong.get(cell):
        case Verdict.LEAK:
            return leaked(cell)
        case Verdict.OUTAGE:
            return results._outage(cell)
        case Verdict.INCONCLUSIVE:
            why = "never settled: the answers kept changing, last seen no-answer"
            return replace(good, judgement=Judgement(Verdict.INCONCLUSIVE, why))
        case Verdict.KNOWN:
            why = "cilium answers for the node (profile cilium, https://example.org/issues/57)"
            return replace(leaked(cell), judgement=Judgement(Verdict.KNOWN, why), baseline=Outcome.OPEN)
        case _:
            return good


NIGHTS: tuple[RunResult, ...] = (
    night("10aa01", "2026-11-20T02:00:04Z", CALICO, COMMITS[0], {}),
    night("10bb01", "2026-11-20T02:10:41Z", CILIUM, COMMITS[0], {}, slow=0.4),
    night("10aa02", "2026-11-21T02:00:03Z", CALICO, COMMITS[0], {DB: Verdict.INCONCLUSIVE}, slow=1.2),
    night("10bb02", "2026-11-21T02:11:10Z", CILIUM, COMMITS[0], {ASKED: Verdict.OUTAGE}, slow=0.5),
    night("10aa03", "2026-11-22T02:00:06Z", UPGRADED, COMMITS[1], {DB: Verdict.LEAK}, slow=2.4),
    replace(
        night("10aa04", "2026-11-23T02:00:02Z", UPGRADED, COMMITS[1], {DB: Verdict.LEAK}, steps=("segmented",)),
        interrupted=True,
    ),
    night("10bb03", "2026-11-23T02:10:00Z", CILIUM, COMMITS[1], {WEB: Verdict.KNOWN}, slow=0.45),
    night(
        "10aa05",
        "2026-11-24T02:00:09Z",
        UPGRADED,
        COMMITS[3],
        {DB: Verdict.LEAK, ASKED: Verdict.OUTAGE},
        scenario("allow-all", step("open", [matched(ASKED, allowed=True)])),
        scenario("no-room", error="only 3 of 40 pods became ready within 30 s\nwaited for shop/web-3"),
        steps=("segmented",),
        slow=2.1,
    ),
)


def overview(selection: Selection | None = None) -> Overview:
    """Build what is shown of all nights."""
    return build("runs.db", [entry(record(result)) for result in NIGHTS], selection or Selection())


def comparison() -> Contrast:
    """Put the last nights on both CNIs side by side."""
    return contrast.build(record(NIGHTS[-1]), record(NIGHTS[-2]), "calico", "cilium")


def reasons() -> issue.Reasons:
    """Return the sentences behind all regressions, as the command reads them from the file."""
    return {
        (run, step.key, str(step.cells.flows[index])): why
        for run, result in enumerate(NIGHTS)
        for step in record(result).steps()
        for index, why in step.reasons.items()
    }


REPORTS: Mapping[str, Callable[[], str]] = {
    "history.txt": lambda: listing.render(overview()),
    "history.colour.txt": lambda: listing.render(overview(), colour=True, width=120),
    "history.across.txt": lambda: listing.render(overview(Selection(across=Across.CLUSTERS, last=3))),
    "history.empty.txt": lambda: listing.render(overview(Selection(cni="kindnet"))),
    "history.json": lambda: export.render(overview()),
    "history.html": lambda: page.render(overview()),
    "history.issue.md": lambda: issue.render(overview(), reasons()),
    "compare.txt": lambda: comparison_listing.render(comparison()),
    "compare.json": lambda: comparison_export.render(comparison()),
    "compare.html": lambda: comparison_page.render(comparison()),
}
