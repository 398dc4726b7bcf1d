"""The cluster port: six verbs, and a provider that opens one.

Objects are plain Kubernetes dicts with their real (run-unique) names. Besides Namespace,
Pod, Service and NetworkPolicy, a cluster whose `Capabilities.externals` is true takes our own
kind `External` (see `harness.manifests`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from harness.model.cluster import AgentChannel, Capabilities
from harness.model.flow import Family
from harness.model.preflight import Check
from harness.model.scenario import ObjectRef

Addresses = Mapping[Family, str]


class Cluster(Protocol):
    """A cluster that obeys. Every verb raises `ClusterError` when it could not be carried out."""

    def capabilities(self) -> Capabilities:
        """Say what this cluster is and can do; the same answer every time, at no cost."""
        ...

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> None:
        """Create the objects, or make existing ones equal to them; in order, idempotent.

        Returns once the API has taken them, which is not when they are in force.
        """
        ...

    def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Delete the objects and, with a namespace, all that is in it; absent ones are fine.

        Complete when it returns: a pod that is deleted answers no more.
        """
        ...

    def wait_ready(self, refs: Sequence[ObjectRef], deadline_s: float) -> Mapping[ObjectRef, Addresses]:
        """Wait until the Pods, Services and Externals have addresses and pods run; return these by family.

        A pod of `ready: false` counts when it runs. Raises `ClusterError` that says what was waited for.
        """
        ...

    def open_agent(self, ref: ObjectRef) -> AgentChannel:
        """Open a channel to the agent of a pod or an external that is ready."""
        ...

    def diagnose(self, refs: Sequence[ObjectRef]) -> str:
        """Describe the objects as the cluster sees them, for a human; best effort, never raises."""
        ...


class ClusterProvider(Protocol):
    """Opens clusters; lifecycle is its business and not the cluster's.

    `private` says that every `open` gives a cluster of its own, at little cost: such a provider is
    opened once for each worker of a run, from several threads; any other once for the run.
    """

    private: bool

    def preflight(self) -> tuple[Check, ...]:
        """Look at everything that can be known of a cluster before a run, in seconds and without leaving a trace.

        Never raises: what cannot be asked is a check of its own. An empty answer says that nothing stands in the way.
        """
        ...

    def open(self) -> AbstractContextManager[Cluster]:
        """Yield a working cluster, and leave nothing of ours behind on the way out."""
        ...

    def invitation(self) -> Mapping[str, Any]:
        """Say how other processes of this run join the cluster while this one has it open.

        `cluster` is a registered name and `options` go to its provider; all of it fits into JSON. Guests leave the
        cluster as it is but for what is theirs. Never asked of a private provider.
        """
        ...
