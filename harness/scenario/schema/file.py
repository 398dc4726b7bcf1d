"""The file format itself: what is probed, the steps, and what each expects."""

# ruff: noqa: RUF012 - pydantic copies a default for each instance
from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from harness.scenario.schema.spec import (
    DURATION_PATTERN,
    NAME_PATTERN,
    TAG,
    TAG_PATTERN,
    Line,
    List,
    Mapping,
    Number,
    Protocol,
    Spec,
    Text,
    either,
)
from harness.scenario.schema.topology import TopologySpec

MAX_WAIT_S = 600
MAX_STEPS = 500


class ProbeSpec(Spec):
    """Which flows are tried."""

    via: Annotated[
        list[Literal["pod", "service"]], Field(min_length=1, description="By pod address, by Service address, or both.")
    ] = ["pod"]
    protocols: Annotated[list[Protocol], Field(min_length=1, description="Which of the listeners are tried.")] = [
        "TCP",
        "UDP",
        "SCTP",
    ]
    families: Annotated[list[Literal["IPv4", "IPv6"]], Field(min_length=1, description="IPv4, IPv6, or both.")] = [
        "IPv4"
    ]


RuleTexts = Annotated[
    Annotated[
        Annotated[str, Text] | Annotated[list[str], Field(min_length=1), List],
        either("a rule such as 'shop/web -> shop/db:5432', or a list of rules"),
    ],
    Field(
        description="SOURCE -> DESTINATION[:PORT[/PROTOCOL]] [via pod|service] [over IPv4|IPv6], or a list of these."
    ),
]
Because = Annotated[Line | None, Field(description="Why this is right although it may look wrong.")]


class AllowRule(Spec):
    """These flows must be open."""

    allow: RuleTexts
    because: Because = None


class DenyRule(Spec):
    """These flows must not be open, in whatever way."""

    deny: RuleTexts
    because: Because = None


class DropRule(Spec):
    """These flows must meet silence."""

    drop: RuleTexts
    because: Because = None


class RejectRule(Spec):
    """These flows must be answered with a refusal."""

    reject: RuleTexts
    because: Because = None


class IgnoreRule(Spec):
    """These flows are tried and never judged, for the reason given."""

    ignore: RuleTexts
    because: Annotated[Line, Field(description="Why these flows are not judged.")]


VERBS = ("allow", "deny", "drop", "reject", "ignore")
RuleModel = AllowRule | DenyRule | DropRule | RejectRule | IgnoreRule


def _verb(value: Any) -> str | None:
    if isinstance(value, dict):
        verbs = [verb for verb in VERBS if verb in value]
        return TAG + verbs[0] if len(verbs) == 1 else None
    return None


RuleItem = Annotated[
    Annotated[AllowRule, Tag(TAG + "allow")]
    | Annotated[DenyRule, Tag(TAG + "deny")]
    | Annotated[DropRule, Tag(TAG + "drop")]
    | Annotated[RejectRule, Tag(TAG + "reject")]
    | Annotated[IgnoreRule, Tag(TAG + "ignore")],
    Discriminator(
        _verb,
        custom_error_type="shape",
        custom_error_message=f"expected a mapping with exactly one of {', '.join(VERBS)}",
    ),
]


class ExpectSpec(Spec):
    """What must be open and what must not; each part wins over the ones before it."""

    same: Annotated[Line | None, Field(description="An earlier step, whose expectation this one begins with.")] = None
    default: Annotated[
        Literal["allow", "deny", "drop", "reject"] | None, Field(description="For every flow that nothing else names.")
    ] = None
    rules: Annotated[list[RuleItem], Field(description="In order; a later rule wins.")] = []
    matrix: Annotated[
        str | None,
        Field(
            description="Drawn: a header of PORT/PROTOCOL and destinations, a row a source; . allow, X deny, - unsaid."
        ),
    ] = None


Expectation = Annotated[
    Annotated[Literal["predicted"], Text] | Annotated[ExpectSpec, Mapping],
    either("a mapping with default, same, rules or matrix; or the word predicted"),
]
Wait = Annotated[
    Annotated[float, Field(ge=0, le=MAX_WAIT_S, allow_inf_nan=False), Number]
    | Annotated[str, Field(pattern=DURATION_PATTERN), Text],
    either("seconds, or text such as 2s or 500ms"),
]


class StepSpec(Spec):
    """Changes, made in the order of these keys, and what is expected afterwards."""

    name: Annotated[Line, Field(description="Unique in the file.")]
    add: Annotated[TopologySpec, Field(description="What comes into being.")] = TopologySpec.model_construct()
    remove: Annotated[list[str], Field(description="Pods, or namespaces with all that is in them.")] = []
    restart: Annotated[list[str], Field(description="Pods that come back with another address.")] = []
    relabel: Annotated[
        dict[str, dict[str, str | None]],
        Field(description="Labels to merge into those of a pod (ns/name) or a namespace; null removes one."),
    ] = {}
    delete: Annotated[list[str], Field(description="Policies: NetworkPolicy/namespace/name.")] = []
    apply: Annotated[list[str], Field(description="Manifest files, relative to this file.")] = []
    wait: Annotated[Wait | None, Field(description="A pause after the changes: 2s, 500ms, or seconds.")] = None
    expect: Annotated[Expectation, Field(description="The word predicted, or what must be open and what must not.")]


class ScenarioFile(Spec):
    """A scenario for netpol-harness."""

    model_config = ConfigDict(title="netpol-harness scenario")

    scenario: Annotated[str, Field(pattern=NAME_PATTERN, max_length=100, description="The scenario's name.")]
    about: Annotated[Line, Field(description="One sentence that a security officer understands.")]
    tags: Annotated[
        list[Annotated[str, Field(pattern=TAG_PATTERN, max_length=63)]],
        Field(description="Words to choose scenarios by: lower case, with dashes."),
    ] = []
    topology: TopologySpec
    probe: ProbeSpec = ProbeSpec.model_construct()
    steps: Annotated[
        list[StepSpec],
        Field(min_length=1, max_length=MAX_STEPS, description="What happens, and what is expected after each."),
    ]
