"""Worlds: pods on a cluster, policies applied to them, and what gets through; for tests in Python, without YAML.

    with open_worlds("local") as worlds:
        shop = worlds.world({"shop/db": {"labels": {"tier": "db"}, "listen": [5432]}, "guest/visitor": {}})
        shop.apply(policy)
        shop.assert_matrix("allow", deny("* -> shop/db"))

Under pytest the fixture `netpol` is such a `Worlds`. What a scenario file can say can be said here, in the
same words, and goes through the same checks, probes and proofs: three answers, never two.
"""

from harness.api.rules import (
    InconclusiveError,
    MismatchError,
    PodSpec,
    Rule,
    allow,
    deny,
    drop,
    ignore,
    reject,
)
from harness.api.worlds import World, Worlds, open_worlds

__all__ = [
    "InconclusiveError",
    "MismatchError",
    "PodSpec",
    "Rule",
    "World",
    "Worlds",
    "allow",
    "deny",
    "drop",
    "ignore",
    "open_worlds",
    "reject",
]
