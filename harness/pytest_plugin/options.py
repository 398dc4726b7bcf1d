"""What the plugin can be told: one table, for the command line (`--np-NAME`) and for `[tool.pytest]` (`np_NAME`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import pytest

from harness.cluster.options import OF_ANY, OF_KIND
from harness.reporting.registry import REPORTS

PREFIX = "--np-"
_Kind = Literal["string", "number", "float", "bool", "list"]


class Option(NamedTuple):
    """One thing to choose; the command line wins over the configuration file."""

    name: str
    metavar: str
    about: str
    kind: _Kind = "string"
    choices: Sequence[str] = ()
    default: str | None = None


_OF_CLUSTERS = (
    *(Option(*option) for option in OF_ANY),
    Option("fault", "NAME", "let the local data plane misbehave like a broken CNI"),
    Option("keep", "", "leave a cluster that was made for this run running", kind="bool"),
    *(Option(option.name, option.metavar, f"kind: {option.about}", option.kind) for option in OF_KIND),
)
OPTIONS = (
    Option("cluster", "NAME", "which cluster: local (the default: embedded), kind, or kubeconfig", default="local"),
    *_OF_CLUSTERS,
    Option("profile", "NAME", "known deviations: NAME[@VERSION] of a CNI, a file, or none (default: as found there)"),
    Option("verbatim-namespaces", "", "keep namespace names as written (a cluster of one's own)", kind="bool"),
    Option(
        "engine",
        "NAME",
        "what sends the probes: socket, nc or curl",
        choices=("socket", "nc", "curl"),
        default="socket",
    ),
    Option("timeout", "S", "longest wait for one answer, in seconds", kind="float"),
    Option("deadline", "S", "seconds after which a step is unsettled", kind="float"),
    Option("window", "S", "seconds that a matrix must hold still to be settled", kind="float"),
    Option(
        "items",
        "WHAT",
        "what one test item is: step (the default), row (a step's flows from one pod) or flow",
        choices=("step", "row", "flow"),
        default="step",
    ),
    Option(
        "inconclusive",
        "HOW",
        "what a step without proof either way is: error (the default), fail or skip",
        choices=("error", "fail", "skip"),
        default="error",
    ),
    *(Option(name, "FILE", f"write {report.about}") for name, report in REPORTS.items()),
    Option("history", "FILE", "keep the session in a history: `netpol-harness history FILE`"),
)
_IN_A_FILE: Mapping[_Kind, Literal["string", "int", "float", "bool", "linelist"]] = {
    "string": "string",
    "number": "int",
    "float": "float",
    "bool": "bool",
    "list": "linelist",
}


@dataclass(frozen=True)
class Choices:
    """What was chosen. `cluster_options` are for whoever opens the cluster, None where nothing was said."""

    cluster: str
    cluster_options: Mapping[str, Any]
    items: str
    inconclusive: str
    engine: str
    verbatim_namespaces: bool
    timeout_s: float | None
    deadline_s: float | None
    window_s: float | None
    profile: str | None = None
    history: str | None = None
    reports: Mapping[str, str] = field(default_factory=dict)


def declare(parser: pytest.Parser) -> None:
    """Declare every option, once for the command line and once for the configuration file."""
    group = parser.getgroup("netpol-harness", "network policies on a live cluster (netpol-harness)")
    for option in OPTIONS:
        flag, dest = f"{PREFIX}{option.name}", _dest(option.name)
        how: dict[str, Any] = {"action": "store_true"} if option.kind == "bool" else {"metavar": option.metavar}
        if option.kind == "list":
            how["action"] = "append"
        group.addoption(flag, dest=dest, default=None, help=option.about, **how)
        parser.addini(dest, f"{option.about} ({flag})", type=_IN_A_FILE[option.kind], default=None)


def choices(config: pytest.Config) -> Choices:
    """Return what was chosen. Raises `pytest.UsageError` for what no option can be."""
    chosen = {option.name: _value(config, option) for option in OPTIONS}
    return Choices(
        cluster=chosen["cluster"],
        cluster_options={option.name.replace("-", "_"): chosen[option.name] for option in _OF_CLUSTERS},
        items=chosen["items"],
        inconclusive=chosen["inconclusive"],
        engine=chosen["engine"],
        verbatim_namespaces=bool(chosen["verbatim-namespaces"]),
        timeout_s=chosen["timeout"],
        deadline_s=chosen["deadline"],
        window_s=chosen["window"],
        profile=chosen["profile"],
        history=chosen["history"],
        reports={name: chosen[name] for name in REPORTS if chosen[name]},
    )


def _value(config: pytest.Config, option: Option) -> Any:
    dest = _dest(option.name)
    value, where = config.getoption(dest), f"{PREFIX}{option.name}"
    if value is None:
        value, where = config.getini(dest), dest
    # An unset entry of the configuration file is empty, 0 or False in some versions of pytest, never a choice here.
    if value in (None, "", False, []) or (option.kind in ("float", "number") and value == 0 and value != "0"):
        return option.default
    if option.kind == "float":
        return _seconds(value, where)
    if option.kind == "number":
        return _number(value, where)
    if option.choices and value not in option.choices:
        raise pytest.UsageError(f"{where}: {value!r} is none of {', '.join(option.choices)}")
    return value


def _seconds(value: Any, where: str) -> float:
    try:
        seconds = float(str(value).removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 3600:
        raise pytest.UsageError(f"{where}: {value!r} is no number of seconds between 0 and 3600")
    return seconds


def _number(value: Any, where: str) -> int:
    if not str(value).isdecimal() or int(value) < 1:
        raise pytest.UsageError(f"{where}: {value!r} is no number of at least 1")
    return int(value)


def _dest(name: str) -> str:
    return f"np_{name.replace('-', '_')}"
