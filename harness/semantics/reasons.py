"""Why the published semantics leave a flow open, and how facts add up to a decision.

Each direction of a flow is worked out as *facts*: a byte with a bit for "some rule
certainly matches" and a bit for every reason why one might. Facts of alternatives are
joined with `|`, which is why the order of policies, rules and peers cannot matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from harness.model.result import Decision, Prediction


class Reason(StrEnum):
    """Codes of what the API leaves to the implementation, or a topology to the cluster.

    `non-l4` and `existing-conn` are never predicted, since a flow is a new
    connection of a protocol that a policy can name; scenarios that ask about the others give them as their reason.
    """

    HOSTNET = "hostnet"
    EGRESS_OWN_NODE = "egress-own-node"
    IPBLOCK_VS_NODE = "ipblock-vs-node"
    NAT_ORDER = "nat-order"
    IPBLOCK_VS_POD = "ipblock-vs-pod"
    NAMED_PORT_VS_IPBLOCK = "named-port-vs-ipblock"
    HAIRPIN = "hairpin"
    MIXED_BACKENDS = "mixed-backends"
    NO_ENDPOINTS = "no-endpoints"
    NON_L4 = "non-l4"
    EXISTING_CONN = "existing-conn"

    @property
    def text(self) -> str:
        """What is open, as a clause that follows "unspecified:"."""
        return _TEXTS[self]


_TEXTS: Final = {
    Reason.HOSTNET: "a hostNetwork pod may be treated as a pod or as its node",
    Reason.EGRESS_OWN_NODE: "whether a pod always reaches its own node is not settled",
    Reason.IPBLOCK_VS_NODE: "whether an ipBlock covers a node's address is not settled, or the address is not known",
    Reason.NAT_ORDER: "which address an ipBlock is compared with on the way through a Service is not defined",
    Reason.IPBLOCK_VS_POD: "whether an ipBlock covers a pod's address is not settled, or the address is not known",
    Reason.NAMED_PORT_VS_IPBLOCK: "whether a named port is resolved for a pod under an ipBlock is not settled",
    Reason.HAIRPIN: "whether policies see a pod that reaches itself through a Service is not settled",
    Reason.MIXED_BACKENDS: "the Service's backends differ, and any of them may answer",
    Reason.NO_ENDPOINTS: "no ready pod backs the Service on this port",
    Reason.NON_L4: "only TCP, UDP and SCTP are defined",
    Reason.EXISTING_CONN: "what happens to connections opened before a change is not defined",
}

NO: Final = 0
YES: Final = 1
HOSTNET: Final = 2
EGRESS_OWN_NODE: Final = 4
IPBLOCK_VS_NODE: Final = 8
NAT_ORDER: Final = 16
IPBLOCK_VS_POD: Final = 32
NAMED_PORT_VS_IPBLOCK: Final = 64

ALLOWED: Final = Prediction(Decision.ALLOW)
DENIED: Final = Prediction(Decision.DENY)

# Bit 1 upwards; where several reasons hold, the first of `Reason` is named. A port's name comes
# last: beside a number that matches too, it adds no doubt of its own.
_UNSPECIFIED: Final = {
    2 << place: Prediction(Decision.UNSPECIFIED, reason.value) for place, reason in enumerate(list(Reason)[:6])
}
_RANKS: Final = {reason.value: rank for rank, reason in enumerate(Reason)}


def unspecified(reason: Reason) -> Prediction:
    """Return the prediction that leaves a flow open for `reason`."""
    return Prediction(Decision.UNSPECIFIED, reason.value)


def settled(facts: int) -> int:
    """Return the one fact that counts: a certain match beats any doubt, and the first doubt stands for all."""
    return YES if facts & YES else facts & -facts


def conclude(facts: int) -> Prediction:
    """Return what one direction's facts come to: a certain match, none at all, or a doubt."""
    deciding = settled(facts)
    if deciding == YES:
        return ALLOWED
    return _UNSPECIFIED[deciding] if deciding else DENIED


def both(egress: Prediction, ingress: Prediction) -> Prediction:
    """Combine the two directions: both must allow, and a certain deny of either outweighs any doubt."""
    return min(egress, ingress, key=_rank)


def any_backend(predictions: Iterable[Prediction]) -> Prediction:
    """Combine a Service's backends, any of which may answer; none at all is `no-endpoints`."""
    kinds = set(predictions)
    if not kinds:
        return unspecified(Reason.NO_ENDPOINTS)
    if len(kinds) == 1:
        return kinds.pop()
    if kinds >= {ALLOWED, DENIED}:
        return unspecified(Reason.MIXED_BACKENDS)
    # The certain ones agree, so the doubt is all that keeps the Service from being certain.
    return min((kind for kind in kinds if kind.reason is not None), key=_rank)


def _rank(prediction: Prediction) -> int:
    if prediction.reason is not None:
        return _RANKS[prediction.reason]
    return -1 if prediction.decision is Decision.DENY else len(_RANKS)
