"""Which policies isolate a pod."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model.policy import Direction, NetworkPolicy
from harness.model.topology import Pod


def isolating(policies: Iterable[NetworkPolicy], pod: Pod, direction: Direction) -> list[NetworkPolicy]:
    """Return the policies that isolate `pod` for `direction`, in the order given.

    An empty list means the pod is non-isolated: every flow in that direction
    is allowed. That differs from being isolated by policies none of whose
    rules match, which denies. What that means for a hostNetwork pod is not decided here.
    """
    return [
        policy
        for policy in policies
        # policyTypes decides, not the presence of rules: an egress list under
        # policyTypes [Ingress] is inert. It is neither a deny nor an error.
        if direction in policy.policy_types
        and policy.namespace == pod.namespace
        and policy.pod_selector.matches(pod.labels)
    ]
