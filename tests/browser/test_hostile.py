"""Hostile text in every field of a run: nothing runs, nothing is fetched, nothing is hidden or turned around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

import pytest

from harness.errors import SourceLocation
from harness.model.result import RunResult
from tests.browser.chromium import Page
from tests.golden import results

pytestmark = pytest.mark.chromium
Opened = Callable[[RunResult], Page]

ATTACKS = {
    "script": "</script><script>canary = 1</script>",
    "comment": "<!--<script>canary = 1</script>-->",
    "image": '"><img src=x onerror="canary = 1">',
    "svg": "<svg/onload=canary=1><style>*{display:none}</style>",
    "link": 'javascript:canary=1 https://example.org/"onmouseover="canary=1',
    "template": "${canary = 1}$script`{{canary = 1}}",
    "lines": "\u2028canary = 1\u2029\r\ncanary = 1",
    "controls": "a\x00b\x1b[31mc\ud800d\udfffe\ufefff",
    "turning": "\u202egnitirw\u202c\u2066hidden\u2069\u200b",
    "prototype": "__proto__",
}

_HANDLERS = """
const names = [...document.querySelectorAll("*")].flatMap((each) => each.getAttributeNames());
return names.filter((name) => name.startsWith("on"));
"""


def poisoned(value: Any, attack: str) -> Any:
    """Return a record with `attack` added to every text in it, however deep."""
    if isinstance(value, Enum) or value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value + attack
    if isinstance(value, SourceLocation):
        return SourceLocation(value.file + attack, value.line, value.column)
    if is_dataclass(value):
        return replace(value, **{each.name: poisoned(getattr(value, each.name), attack) for each in fields(value)})  # type: ignore[type-var]
    if isinstance(value, dict):
        return {poisoned(key, attack): poisoned(each, attack) for key, each in value.items()}
    if isinstance(value, tuple):
        members = [poisoned(each, attack) for each in value]
        return type(value)(*members) if hasattr(value, "_fields") else tuple(members)
    raise TypeError(type(value))


def everything(attack: str) -> RunResult:
    """Build a run in which every field is set, and every text is hostile."""
    scenarios = [scenario for build in results.RUNS.values() for scenario in build().scenarios]
    wire = {"key": "1", "answered_by": "shop/db", "nonce_ok": True}
    step = scenarios[2].steps[0]
    flows = tuple(
        replace(
            flow,
            observed=flow.observed
            and replace(flow.observed, answered_by="x/y", also_open_from="x/z", request=wire, reply=wire),
        )
        for flow in step.flows
    )
    step = replace(step, flows=flows, start_leaks=(flows[0].flow,))
    run = results.run(replace(scenarios[2], steps=(step,)), *scenarios, error="stopped", commit="0123abc")
    return poisoned(run, attack)


@pytest.mark.parametrize("name", ATTACKS)
def test_no_text_of_a_run_ever_becomes_more_than_text(opened: Opened, name: str) -> None:
    """Everything is opened and every panel shown: no canary is set, and no element came from a text."""
    page = opened(everything(ATTACKS[name]))
    for button in page.all("article h2 button[aria-expanded=false], article h3 button[aria-expanded=false]"):
        page.ask("arguments[0].click()", button)
    page.ask(
        """for (const cell of document.querySelectorAll("td.leak, td.outage, td.inconclusive, td.known")) cell.click();
        for (const details of document.querySelectorAll("details")) details.open = true;
        dispatchEvent(new Event("beforeprint"));"""
    )

    assert page.ask("return typeof canary") == "undefined"
    assert (
        page.ask("return document.querySelectorAll('img, iframe, object, embed, main script, main style').length") == 0
    )
    assert page.ask(_HANDLERS) == []
    assert (
        page.ask(
            "return [...document.querySelectorAll('a[href]')].every((each) => /^(https?:|#|file:.*#)/.test(each.href))"
        )
        is True
    )
    assert page.ask("return performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize("name", ["controls", "turning", "lines"])
def test_what_cannot_be_seen_is_spelled_out(opened: Opened, name: str) -> None:
    """Controls, lone surrogates and marks that turn the writing are escaped, as in the terminal."""
    page = opened(everything(ATTACKS[name]))
    text = page.ask("return document.documentElement.textContent")

    assert [char for char in text if not char.isprintable() and char not in "\n\t"] == []


def test_markup_that_found_its_way_in_could_not_run(opened: Opened) -> None:
    """Even an element made by a bug of ours is stopped by the page's policy, and so is markup made of a string."""
    page = opened(results.mixed())
    page.ask(
        """const script = document.createElement("script");
        try { script.textContent = "canary = 1"; } catch { /* trusted types */ }
        document.body.append(script);
        const image = "<img src=x onerror='canary = 1'>";
        try { document.body.insertAdjacentHTML("beforeend", image); } catch { /* the same */ }"""
    )

    assert page.ask("return typeof canary") == "undefined"
    assert page.all("img") == []
    assert any(
        "Content Security Policy" in str(each["message"]) or "Trusted" in str(each["message"])
        for each in page.console()
    )
