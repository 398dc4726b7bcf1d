"""What the API server holds of a policy after it was applied again.

Server-side apply by one field manager, as the harness does it. A field that the manager never
named and that defaulting once filled in belongs to nobody, so that later applies leave it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.model.policy import NetworkPolicy


def stored(
    before: NetworkPolicy | None, before_named_types: bool, applied: NetworkPolicy, named_types: bool
) -> NetworkPolicy:
    """Return the policy that the server holds once `applied` was applied over `before`.

    Only `policyTypes` has a memory. A policy created without it and without egress rules stays
    [Ingress] when egress rules are added later: they are inert. Dropping all egress rules leaves [Ingress,
    Egress], which denies all egress. Where the apply before named the field and this one does not, it is
    removed and defaulted afresh. `before` is None for a policy that is not there.
    """
    if before is None or named_types or before_named_types:
        return applied
    return replace(applied, policy_types=before.policy_types)


def names_policy_types(document: Mapping[str, Any]) -> bool:
    """Tell whether a NetworkPolicy document names `policyTypes`, as an empty list does too; null is absent."""
    spec = document.get("spec")
    return isinstance(spec, Mapping) and spec.get("policyTypes") is not None
