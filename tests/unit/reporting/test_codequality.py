"""GitLab's code quality report: findings in the changes of a merge request."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given

from harness.model.result import RunResult
from harness.reporting import codequality
from tests.golden import results
from tests.unit.reporting.strategies import FEW, runs


def test_a_finding_has_what_gitlab_reads() -> None:
    """Description, check, severity, fingerprint and the line of the rule, counted from 1."""
    first, *_ = json.loads(codequality.render(results.mixed()))

    assert (len(first.pop("fingerprint")), first) == (
        64,
        {
            "description": "LEAK: 2 flows: three-tier-shop / segmented: declared deny; "
            "open: shop/db sent the nonce back; shop/frontend, guest/visitor -> shop/db:5432/TCP (2 flows)",
            "check_name": "netpol-harness/LEAK",
            "severity": "critical",
            "location": {
                "path": "scenarios/recipes/three-tier-shop.scenario.yaml",
                "lines": {"begin": 27},
            },
        },
    )


@FEW
@given(runs())
def test_any_run_has_fingerprints_that_differ_and_last(result: RunResult) -> None:
    """GitLab drops the second of two equal ones, and shows as new what has another one than yesterday."""
    marks = [issue["fingerprint"] for issue in json.loads(codequality.render(result))]
    again = [issue["fingerprint"] for issue in json.loads(codequality.render(replace(result, run="tomorrow")))]

    assert (len(marks), again) == (len(set(marks)), marks)


def test_a_clean_run_has_an_empty_list() -> None:
    """GitLab takes an empty list as all mended, and a missing file as not known."""
    assert codequality.render(results.match()) == "[]\n"
