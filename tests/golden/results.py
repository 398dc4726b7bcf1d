"""A few fixed runs, built in code, that every report is rendered from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from harness.errors import SourceLocation
from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.policy import Direction
from harness.model.result import (
    ClusterFacts,
    Decision,
    Explanation,
    FlowResult,
    Judgement,
    Observation,
    Outcome,
    PolicyVerdict,
    Prediction,
    RunResult,
    ScenarioResult,
    SideExplanation,
    StepResult,
    Verdict,
)
from harness.model.scenario import Declaration, Expected

LOCAL = ClusterFacts("local", emulated=True, notes=("hairpin traffic is masqueraded, as Calico does",))
KIND = ClusterFacts("kind", emulated=False, cni="calico v3.32.2", kubernetes="v1.36.1")
FILE = "scenarios/recipes/three-tier-shop.scenario.yaml"
SELF = "a pod always reaches itself: no policy sees it"

ALLOW, DENY = Prediction(Decision.ALLOW), Prediction(Decision.DENY)
OPEN = Observation(Outcome.OPEN, arrived=True, alive=True, elapsed_s=0.0021)
SILENT = Observation(Outcome.NO_ANSWER, arrived=False, alive=True, elapsed_s=0.4)


def at(line: int, file: str = FILE) -> SourceLocation:
    return SourceLocation(file, line, 5)


def flow(
    source: str,
    destination: str,
    port: int,
    protocol: L4Protocol = L4Protocol.TCP,
    *,
    via: Via = Via.POD,
    family: Family = Family.IPV4,
) -> Flow:
    return Flow(Endpoint(source), Endpoint(destination), port, protocol, via, family)


def matched(cell: Flow, *, allowed: bool, line: int = 27, predicted: bool = False) -> FlowResult:
    """Build a flow that is as declared, or a pod's own, which is ignored."""
    if cell.is_to_itself:
        declared = Declaration(Expected.IGNORE, at(line), SELF)
        return FlowResult(cell, declared, ALLOW, OPEN, Outcome.OPEN, Judgement(Verdict.IGNORED, SELF))
    declared = Declaration(Expected.ALLOW if allowed else Expected.DENY, at(line), predicted=predicted)
    if allowed:
        why = f"open: {cell.destination} sent the nonce back"
        return FlowResult(cell, declared, ALLOW, OPEN, Outcome.OPEN, Judgement(Verdict.MATCH, why))
    why = "the client saw no answer, not in the destination's log, open in the baseline"
    return FlowResult(cell, declared, DENY, SILENT, Outcome.OPEN, Judgement(Verdict.MATCH, why))


def leaked(cell: Flow, *, line: int = 27, explanation: Explanation | None = None) -> FlowResult:
    return FlowResult(
        cell,
        Declaration(Expected.DENY, at(line)),
        DENY,
        OPEN,
        Outcome.OPEN,
        Judgement(Verdict.LEAK, f"declared deny; open: {cell.destination} sent the nonce back"),
        explanation,
        f"ip netns exec np-{cell.source.replace('/', '-')} nc -v -w 2 192.0.2.17 {cell.port}",
    )


def step(name: str, flows: Iterable[FlowResult], **changes: object) -> StepResult:
    known: dict[str, object] = {
        "settled": True,
        "barrier_s": 0.0123,
        "first_correct_s": 0.0246,
        "settle_s": 0.3141,
        "rounds": 4,
        "flaps": 0,
        "duration_s": 0.8,
    }
    return StepResult(name, tuple(flows), at(24), **{**known, **changes})  # type: ignore[arg-type]


def scenario(name: str, *steps: StepResult, error: str | None = None, file: str | None = None) -> ScenarioResult:
    return ScenarioResult(
        name,
        file or f"scenarios/recipes/{name}.scenario.yaml",
        "Only the backend reaches the database, only the frontend reaches the backend.",
        ("segmentation",),
        steps,
        error,
        1.25,
    )


def run(*scenarios: ScenarioResult, cluster: ClusterFacts | None = LOCAL, **changes: object) -> RunResult:
    return RunResult("7c3f1a", "2026-11-23T10:00:00Z", 12.3456, cluster, scenarios, **changes)  # type: ignore[arg-type]


# -- the runs --------------------------------------------------------------------

SHOP = ("shop/frontend", "shop/backend", "shop/db", "guest/visitor")
DOORS = (
    ("shop/frontend", 8080, L4Protocol.TCP),
    ("shop/backend", 8080, L4Protocol.TCP),
    ("shop/backend", 9090, L4Protocol.UDP),
    ("shop/db", 5432, L4Protocol.TCP),
)
OPENED = {("shop/frontend", "shop/backend", 8080), ("shop/backend", "shop/db", 5432)}


def shop_flows() -> list[Flow]:
    return [flow(source, name, port, protocol) for source in SHOP for name, port, protocol in DOORS]


def shop_allows(cell: Flow) -> bool:
    return cell.destination == "shop/frontend" or (cell.source, cell.destination, cell.port) in OPENED


def match() -> RunResult:
    """Everything as declared, in two steps."""
    flows = [matched(cell, allowed=shop_allows(cell)) for cell in shop_flows()]
    return run(scenario("three-tier-shop", step("segmented", flows), step("frontend retired", flows, settle_s=0.29)))


def mixed() -> RunResult:
    """Leaks of one cause, an outage, two kinds of inconclusive flows, and a scenario in which all is well."""
    results = []
    for cell in shop_flows():
        if (cell.source, cell.destination) == ("shop/backend", "shop/db"):
            results.append(_outage(cell))
        elif cell.source != "shop/db" and cell.destination == "shop/db":
            results.append(leaked(cell, explanation=_explained(cell)))
        elif cell.protocol is L4Protocol.UDP and not cell.is_to_itself:
            results.append(_inconclusive(cell))
        else:
            results.append(matched(cell, allowed=shop_allows(cell)))
    diagnostics = (
        "NetworkPolicy/shop/db: taken in at revision 7\nPod/shop/db:\trunning, \x1b[31mred\x1b[0m words of its own"
    )
    good = [matched(flow("shop/frontend", "shop/backend", 8080), allowed=True)]
    return run(
        scenario("three-tier-shop", step("segmented", results, flaps=2, diagnostics=diagnostics), step("later", good)),
        scenario("allow-all", step("open", good)),
    )


def forty() -> RunResult:
    """40 pods, of which one that should not reach the others does, and a whole tier that cannot reach one pod."""
    web = [f"shop/web-{number}" for number in range(24)]
    pods = [*web, *(f"cache/redis-{number}" for number in range(12)), "ops/a", "ops/b", "ops/c", "guest/visitor"]
    results = []
    for source in pods:
        for destination in pods:
            cell = flow(source, destination, 8080)
            if cell.is_to_itself:
                results.append(matched(cell, allowed=True))
            elif source == "guest/visitor" and destination in web:
                results.append(leaked(cell, explanation=_explained(cell) if destination == web[0] else None))
            elif destination == "cache/redis-5" and source in web:
                results.append(_outage(cell))
            else:
                results.append(matched(cell, allowed=source.split("/")[0] in ("shop", "ops")))
    return run(scenario("forty-pods", step("isolated", results)), cluster=KIND)


def error() -> RunResult:
    """A scenario that died before its first step, one in its second, one never tried; then the user gave up."""
    flows = [matched(cell, allowed=shop_allows(cell)) for cell in shop_flows()]
    lost = "agent shop/db: the channel ended in the middle of a line\n    look at it: kubectl -n np-7c3f1a-shop logs db"
    dead = [
        FlowResult(
            cell.flow,
            cell.declared,
            cell.predicted,
            judgement=cell.judgement if cell.flow.is_to_itself else _untried(),
        )
        for cell in flows
    ]
    unknown = {"settled": None, "barrier_s": None, "first_correct_s": None, "settle_s": None, "rounds": None}
    return run(
        scenario("no-room", error="only 3 of 40 pods became ready within 30 s; waited for shop/web-3, shop/web-4"),
        scenario(
            "cut-off",
            step("segmented", flows),
            step("after", dead, **unknown, flaps=None, duration_s=None),
            error=lost,
        ),
        scenario("never-tried", error="interrupted"),
        interrupted=True,
    )


def predicted() -> RunResult:
    """A step that expects whatever is predicted, of which one flow is left open by the API."""
    results = [matched(cell, allowed=shop_allows(cell), predicted=True) for cell in shop_flows()]
    hole = flow("guest/visitor", "shop/db", 5432, via=Via.SERVICE)
    because = "the published semantics leave this open: nat-order"
    prediction = Prediction(Decision.UNSPECIFIED, "nat-order")
    declared = Declaration(Expected.IGNORE, at(24), because, predicted=True)
    ignored = Judgement(Verdict.IGNORED, because)
    results.append(FlowResult(hole, declared, prediction, OPEN, Outcome.OPEN, ignored))
    return run(scenario("conformance", step("as published", results, expected_prediction=True)), cluster=KIND)


def dual_stack() -> RunResult:
    """IPv4 and IPv6, TCP and UDP, pods, a Service and an external, with a leak over IPv6 alone."""
    results = []
    for source in ("shop/frontend", "guest/visitor", "office"):
        for port, protocol in ((53, L4Protocol.UDP), (5432, L4Protocol.TCP)):
            for via in Via:
                for family in Family:
                    cell = flow(source, "shop/db", port, protocol, via=via, family=family)
                    if source == "office" and via is Via.SERVICE:
                        continue
                    if source == "guest/visitor" and family is Family.IPV6 and protocol is L4Protocol.TCP:
                        results.append(leaked(cell))
                    else:
                        results.append(matched(cell, allowed=source == "shop/frontend"))
    return run(scenario("dual-stack", step("guarded", results)))


def known() -> RunResult:
    """Flows that differ as the CNI's profile says they do."""
    why = "kindnet ignores endPort (profile kindnet, https://example.org/issues/57)"
    results = []
    for cell in shop_flows():
        result = matched(cell, allowed=shop_allows(cell))
        if cell.source == "guest/visitor" and cell.destination == "shop/backend":
            result = FlowResult(cell, result.declared, DENY, OPEN, Outcome.OPEN, Judgement(Verdict.KNOWN, why))
        results.append(result)
    return run(scenario("end-port", step("range", results)), cluster=KIND)


def forecast() -> RunResult:
    """What `predict` has: no cluster, nothing seen, nothing judged."""
    results = []
    for cell in [*shop_flows(), *(flow(source, "shop/db", 5432, via=Via.SERVICE) for source in SHOP)]:
        prediction = ALLOW if cell.is_to_itself or shop_allows(cell) else DENY
        if cell.via is Via.SERVICE:
            reason = "hairpin" if cell.source == cell.destination else "nat-order"
            prediction = Prediction(Decision.UNSPECIFIED, reason)
        results.append(FlowResult(cell, Declaration(Expected.DENY, at(27)), prediction))
    steps = (StepResult("segmented", tuple(results), at(24)),)
    about = "Only the backend reaches the database."
    return RunResult("", "", None, None, (ScenarioResult("three-tier-shop", FILE, about, (), steps),))


RUNS: Mapping[str, Callable[[], RunResult]] = {
    "match": match,
    "mixed": mixed,
    "forty": forty,
    "error": error,
    "predicted": predicted,
    "dual-stack": dual_stack,
    "known": known,
}


def explanation() -> Explanation:
    """An allow by one of two policies out of the source, and a deny into the destination with each rule's miss."""
    return _explained(flow("guest/visitor", "shop/db", 5432))


def _explained(cell: Flow) -> Explanation:
    policies = f"{FILE.rsplit('/', 1)[0]}/three-tier-shop/policies.yaml"
    egress = (
        PolicyVerdict("NetworkPolicy/guest/nothing", at(40, policies), None, None, Decision.DENY),
        PolicyVerdict("NetworkPolicy/guest/out", at(52, policies), 1, 0, Decision.ALLOW),
    )
    ingress = (
        PolicyVerdict(
            "NetworkPolicy/shop/db",
            at(1, policies),
            None,
            None,
            Decision.DENY,
            misses=(
                "rule 1: peer 1: podSelector {tier=backend} does not match the labels {}",
                "rule 2: its ports, 9187/TCP, do not cover 5432/TCP",
            ),
        ),
    )
    isolated = "isolated by NetworkPolicy/shop/db; no rule matches"
    return Explanation(
        cell,
        DENY,
        f"Ingress: {isolated}",
        (
            SideExplanation(
                Direction.EGRESS,
                cell.source,
                ALLOW,
                "isolated by NetworkPolicy/guest/nothing, NetworkPolicy/guest/out; "
                "NetworkPolicy/guest/out, egress rule 2, peer 1 allows it",
                egress,
            ),
            SideExplanation(Direction.INGRESS, cell.destination, DENY, isolated, ingress),
        ),
    )


def _outage(cell: Flow) -> FlowResult:
    refused = Observation(Outcome.REFUSED, "ECONNREFUSED", arrived=False, alive=True, elapsed_s=0.0011)
    why = "declared allow; the client saw refused (ECONNREFUSED), though open in the baseline"
    return FlowResult(
        cell,
        Declaration(Expected.ALLOW, at(30)),
        ALLOW,
        refused,
        Outcome.OPEN,
        Judgement(Verdict.OUTAGE, why),
        command=f"kubectl -n np-7c3f1a-{cell.source.split('/')[0]} exec {cell.source.split('/')[1]} -- "
        f"sh -c 'echo hello | nc -v -w 2 192.0.2.17 {cell.port}'",
    )


def _inconclusive(cell: Flow) -> FlowResult:
    if cell.source == "guest/visitor":
        fault = Observation(Outcome.FAULT, "the agent said \x1b]0;hello\x07 and left", settled=True)
        why = f"probe fault: {fault.detail}"
        declared = Declaration(Expected.DENY, at(27))
        return FlowResult(cell, declared, DENY, fault, None, Judgement(Verdict.INCONCLUSIVE, why))
    moving = Observation(Outcome.NO_ANSWER, arrived=None, alive=False, elapsed_s=0.4, settled=False)
    why = "never settled: the answers kept changing, last seen no-answer"
    declared = Declaration(Expected.DENY, at(27), "the old rule is still there")
    return FlowResult(cell, declared, DENY, moving, Outcome.OPEN, Judgement(Verdict.INCONCLUSIVE, why))


def _untried() -> Judgement:
    return Judgement(Verdict.INCONCLUSIVE, "the flow was never tried")
