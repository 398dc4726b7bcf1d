"""JUnit XML: a suite a scenario, a case a flow, at the file and line of the rule that declared it.

| what happened | what a CI job sees |
|---|---|
| MATCH | a case that passed |
| LEAK, OUTAGE | a failure of that type: why it is one, all that is known of the flow, the command to try by hand |
| INCONCLUSIVE | an error: no proof either way is neither a failure nor a pass |
| IGNORED, KNOWN | skipped, with the reason: a known deviation must not look like one that is mended |
| a scenario that died, a run that was stopped | an error in a case of its own, never an absence |

Valid by the schema of the Jenkins xUnit plugin (junit-10.xsd) but for the attributes `file` and
`line` of a case, which it lacks and which every annotator of pull requests reads. A case's name holds the
step, and is unique in its suite: hosts that compare or retry by name would otherwise drop cases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree as ET

from junit_xml import TestCase, TestSuite

from harness.errors import ExitCode, SourceLocation
from harness.model.result import FlowResult, RunResult, ScenarioResult, StepResult, Verdict
from harness.reporting.failures import details
from harness.reporting.outcome import exit_code
from harness.reporting.style import Look
from harness.reporting.summary import EMULATED
from harness.reporting.tally import FAILURES, verdict_of
from harness.reporting.text import clipped, first_line, printable

_LOOK = Look.of(120, colour=False)
_MESSAGE = 1000  # columns; hosts show it in one line
_WHOLE_RUN = "netpol-harness"


def render(result: RunResult) -> str:
    """Return the report as XML; texts of pods come without any character that XML forbids or a terminal obeys."""
    root = ET.Element("testsuites", {"name": _WHOLE_RUN})
    facts = _facts(result)
    names = Counter(scenario.name for scenario in result.scenarios)
    for scenario in result.scenarios:
        # Hosts tell cases apart by the names of suite and case.
        name = scenario.name if names[scenario.name] == 1 else f"{scenario.name} ({scenario.file})"
        root.append(_element(_suite(scenario, printable(name), result.started, facts), scenario.duration_s))
    stopped = _stopped(result)
    if stopped:
        case = _case("run came to its end", _WHOLE_RUN, None)
        case.add_error_info(_message(stopped), _lines(stopped), "interrupted" if result.interrupted else "run")
        root.append(_element(TestSuite(_WHOLE_RUN, [case], timestamp=result.started, properties=facts), 0))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, 0)) for suite in root)))
    root.set("time", _seconds(result.duration_s))
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _stopped(result: RunResult) -> str | None:
    """Say why a run as a whole is no evidence, where its cases would not show it."""
    if result.error is not None:
        return result.error or "the run was stopped"
    if result.interrupted:
        return "interrupted: what follows is what was tried until then"
    judged = {verdict_of(flow) for scenario in result.scenarios for step in scenario.steps for flow in step.flows}
    if exit_code(result) is ExitCode.INCONCLUSIVE and judged <= {Verdict.IGNORED}:  # an empty shard is well
        return "nothing was judged: there is no evidence of anything"
    return None


def _suite(scenario: ScenarioResult, name: str, started: str, facts: Mapping[str, str]) -> TestSuite:
    cases = []
    if scenario.error is not None:
        case = _case("scenario came to its end", name, SourceLocation(scenario.file, 1, 1))
        case.add_error_info(_message(scenario.error), _lines(scenario.error), "scenario")
        cases.append(case)
    for step in scenario.steps:
        cases += [_flow(flow, step, name) for flow in step.flows]
    accounts = [
        f"{step.name}: the cluster's own account:\n{step.diagnostics}" for step in scenario.steps if step.diagnostics
    ]
    return TestSuite(
        name,
        cases,
        timestamp=printable(started),
        file=printable(scenario.file),
        properties={**facts, **dict(_properties(scenario))},
        stdout=_lines("\n\n".join(accounts)),
    )


def _flow(result: FlowResult, step: StepResult, suite: str) -> TestCase:
    at = result.declared.location if result.declared else step.location
    case = _case(f"{step.name}: {result.flow}", suite, at)
    case.elapsed_sec = result.observed.elapsed_s if result.observed else None
    verdict = verdict_of(result)
    if verdict is Verdict.MATCH:
        return case
    why = (result.judgement.why if result.judgement else "") or "it was not judged"
    if verdict in FAILURES:
        case.add_failure_info(_message(why), "\n".join(details(result, _LOOK)), str(verdict))
    elif verdict is Verdict.INCONCLUSIVE:
        case.add_error_info(_message(why), "\n".join(details(result, _LOOK)), str(verdict))
    else:
        case.add_skipped_info(_message(f"{verdict}: {why}"))
    return case


def _case(name: str, suite: str, at: SourceLocation | None) -> TestCase:
    file, line = (printable(at.file), at.line) if at else (None, None)
    return TestCase(printable(name), classname=suite, file=file, line=line)


def _element(suite: TestSuite, duration_s: float | None) -> ET.Element:
    """Return a suite as the schema wants it: junit-xml leaves out times of 0, and counts `disabled` cases."""
    element: ET.Element = suite.build_xml_doc()
    element.attrib.pop("disabled", None)
    element.set("time", _seconds(duration_s))
    for case in element.iter("testcase"):
        case.attrib.setdefault("time", _seconds(0))
    return element


def _facts(result: RunResult) -> dict[str, str]:
    """Return what is known of the run and its cluster."""
    cluster = result.cluster
    facts = {"run": result.run, "commit": result.commit}
    if cluster:
        facts |= {
            "cluster.kind": cluster.kind,
            "cluster.emulated": EMULATED if cluster.emulated else "no",
            "cluster.cni": cluster.cni,
            "cluster.cni_version": cluster.cni_version,
            "cluster.kubernetes": cluster.kubernetes,
            "cluster.families": ", ".join(cluster.families),
        }
    return {name: printable(value) for name, value in facts.items() if value}


def _properties(scenario: ScenarioResult) -> Iterator[tuple[str, str]]:
    if scenario.about:
        yield "scenario.about", printable(scenario.about)
    if scenario.tags:
        yield "scenario.tags", printable(", ".join(scenario.tags))
    for step in scenario.steps:
        known = {
            "settled": step.settled,
            "change_s": step.change_s,
            "barrier_s": step.barrier_s,
            "first_correct_s": step.first_correct_s,
            "settle_s": step.settle_s,
            "rounds": step.rounds,
            "flaps": step.flaps,
            "duration_s": step.duration_s,
            "start_leaks": None if step.start_leaks is None else len(step.start_leaks),
            "expected_prediction": step.expected_prediction or None,
        }
        for name, value in known.items():
            if value is not None:
                text = f"{value:.3f}" if isinstance(value, float) else str(value).lower()
                yield f"step.{printable(step.name)}.{name}", text


def _message(text: str) -> str:
    return clipped(printable(first_line(text)), _MESSAGE) or "no reason was given"


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.expandtabs().splitlines())


def _seconds(value: float | None) -> str:
    return f"{value or 0:.6f}"
