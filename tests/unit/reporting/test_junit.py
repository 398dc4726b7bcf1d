"""The JUnit report: what a CI job reads."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given

from harness.model.result import RunResult, Verdict
from harness.reporting import junit
from harness.reporting.tally import of_run, verdict_of
from tests.golden import results
from tests.unit.reporting.strategies import FEW, runs


class Rule(NamedTuple):
    """What the schema lets an element hold."""

    children: frozenset[str]
    required: frozenset[str]
    optional: frozenset[str]


def _rule(children: str, required: str, optional: str) -> Rule:
    return Rule(frozenset(children.split()), frozenset(required.split()), frozenset(optional.split()))


# The schema of the Jenkins xUnit plugin, junit-10.xsd, in our own words; pytest's `xunit2` follows the same one.
SCHEMA = {
    "testsuites": _rule("testsuite", "", "name time tests failures errors"),
    "testsuite": _rule(
        "testsuite properties testcase system-out system-err",
        "name tests failures errors",
        "group time skipped timestamp hostname id package file log url",
    ),
    "properties": _rule("property", "", ""),
    "property": _rule("", "name value", ""),
    "testcase": _rule("skipped error failure system-out system-err", "name", "time classname group"),
    "skipped": _rule("", "", "type message"),
    "error": _rule("", "", "type message"),
    "failure": _rule("", "", "type message"),
    "system-out": _rule("", "", ""),
}
# Not in the schema, and read by every annotator.
ANNOTATED = frozenset({"file", "line"})
TIME = re.compile(r"[0-9]+(\.[0-9]*)?")


def _violations(element: ET.Element) -> list[str]:
    rule = SCHEMA[element.tag]
    names = set(element.attrib) - (ANNOTATED if element.tag == "testcase" else set())
    found = [f"{element.tag} has no {name}" for name in sorted(rule.required - names)]
    found += [f"{element.tag} may not have {name}" for name in sorted(names - rule.required - rule.optional)]
    if not TIME.fullmatch(element.get("time", "0")):
        found.append(f"{element.tag} has time {element.get('time')}")
    for child in element:
        if child.tag not in rule.children:
            found.append(f"{element.tag} may not hold {child.tag}")
        found += _violations(child)
    return found


def _read(result: RunResult) -> ET.Element:
    return ET.fromstring(junit.render(result).encode())  # noqa: S314 - our own


def _kind(case: ET.Element) -> str:
    return next((child.tag for child in case if child.tag != "system-out"), "passed")


@pytest.mark.parametrize("name", results.RUNS)
def test_the_report_is_valid_by_the_published_schema(name: str) -> None:
    """Tools that validate take it, but for the place of a case, which no published schema has."""
    assert _violations(_read(results.RUNS[name]())) == []


@FEW
@given(runs())
def test_any_run_is_valid_xml_with_a_case_for_every_flow(result: RunResult) -> None:
    """Whatever a pod said, XML takes it; no flow and no death is missing, and the counts add up."""
    root = _read(result)
    kinds = Counter(_kind(case) for case in root.iter("testcase"))
    tally = of_run(result)
    died = sum(scenario.error is not None for scenario in result.scenarios)
    whole = sum(suite.get("name") == "netpol-harness" for suite in root) - sum(
        scenario.name == "netpol-harness" for scenario in result.scenarios
    )

    assert _violations(root) == []
    assert kinds == +Counter(
        {
            "passed": tally.get(Verdict.MATCH, 0),
            "failure": tally.get(Verdict.LEAK, 0) + tally.get(Verdict.OUTAGE, 0),
            "error": tally.get(Verdict.INCONCLUSIVE, 0) + died + whole,
            "skipped": tally.get(Verdict.IGNORED, 0) + tally.get(Verdict.KNOWN, 0),
        }
    )
    assert [root.get("tests"), root.get("failures"), root.get("errors")] == [
        str(kinds.total()),
        str(kinds["failure"]),
        str(kinds["error"]),
    ]


@FEW
@given(runs())
def test_no_control_character_of_a_pod_reaches_the_file(result: RunResult) -> None:
    """Escape sequences, bells and marks that reverse writing stay out of CI logs."""
    assert all(line.isprintable() for line in junit.render(result).splitlines())


def test_annotators_find_the_place_and_the_reason() -> None:
    """File and 1-based line of the rule, class, name and time, and a message of one line: what the hosts read."""
    (leak, *_) = (case for case in _read(results.mixed()).iter("testcase") if case.find("failure") is not None)
    failure = leak.find("failure")
    assert failure is not None
    told = failure.text or ""

    assert leak.attrib == {
        "name": "segmented: shop/frontend -> shop/db:5432/TCP",
        "classname": "three-tier-shop",
        "file": "scenarios/recipes/three-tier-shop.scenario.yaml",
        "line": "27",
        "time": "0.002100",
    }
    assert failure.attrib == {"type": "LEAK", "message": "declared deny; open: shop/db sent the nonce back"}
    assert "NetworkPolicy/shop/db (scenarios/recipes/three-tier-shop/policies.yaml:1:5): deny" in told
    assert "nc -v -w 2 192.0.2.17 5432" in told


def test_every_case_has_a_name_of_its_own() -> None:
    """GitLab reads the first of two cases of one class and name, and drops the other."""
    twice = results.mixed()
    result = replace(twice, scenarios=(*twice.scenarios, replace(twice.scenarios[0], file="other.scenario.yaml")))
    names = Counter((case.get("classname"), case.get("name")) for case in _read(result).iter("testcase"))

    assert (len(names) > 30, names.most_common(1)[0][1]) == (True, 1)


def test_a_dead_set_up_is_an_error_with_all_of_its_flows() -> None:
    """A scenario that never came up has a case that says why; its flows, where known, are errors too."""
    root = _read(results.error())
    died = {
        suite.get("name"): (suite.get("errors"), suite.findtext("testcase/error"))
        for suite in root
        if suite.find("testcase[@name='scenario came to its end']") is not None
    }
    tries = [flow for step in results.error().scenarios[1].steps for flow in step.flows]
    unproved = sum(verdict_of(flow) is Verdict.INCONCLUSIVE for flow in tries)

    assert died["no-room"] == (
        "1",
        "only 3 of 40 pods became ready within 30 s; waited for shop/web-3, shop/web-4",
    )
    assert died["cut-off"][0] == str(unproved + 1)


@pytest.mark.parametrize(
    ("result", "message", "kind"),
    [
        (RunResult("id", "", 1.0, None, (), error="not enforced: the canary was open"), "not enforced", "run"),
        (RunResult("id", "", 1.0, None, (), error=""), "the run was stopped", "run"),
        (RunResult("id", "", 1.0, None, (), interrupted=True), "interrupted", "interrupted"),
        (RunResult("id", "", 1.0, None, ()), "nothing was judged", "run"),
    ],
)
def test_a_run_that_proves_nothing_is_no_empty_report(result: RunResult, message: str, kind: str) -> None:
    """A file without cases would be green everywhere."""
    (error,) = _read(result).iter("error")

    assert (message in error.get("message", ""), error.get("type")) == (True, kind)


def test_a_known_deviation_is_skipped_with_its_reason() -> None:
    """It neither fails the job nor looks like a deviation that is gone."""
    told = {case.get("message") for case in _read(results.known()).iter("skipped")}

    assert "KNOWN: kindnet ignores endPort (profile kindnet, https://example.org/issues/57)" in told


def test_the_cluster_and_the_times_are_properties_of_each_suite() -> None:
    """A report that is filed alone still says which cluster it is about, and how fast that was."""
    (suite,) = _read(results.match())
    known = {item.get("name"): item.get("value") for item in suite.iter("property")}

    assert (known["cluster.kind"], known["cluster.emulated"]) == (
        "local",
        "emulated cluster: never evidence about a CNI",
    )
    assert (known["step.segmented.barrier_s"], known["step.segmented.rounds"]) == ("0.012", "4")
