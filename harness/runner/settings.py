"""What a run is told once, at its start."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from harness.errors import InterruptedRunError
from harness.manifests import MANAGED_BY, RUN_LABEL
from harness.model.cluster import Timing
from harness.model.result import Event
from harness.profiles.load import ProfileChoice

# A probe by nc or curl starts a process: rounds that came as fast as those of sockets would only queue up.
_TOOL_WINDOW_S = 0.6
_TOOL_FLOOR_S = 0.4

__all__ = ["Emit", "InterruptedRunError", "RunSettings"]

Emit = Callable[[Event], None]


@dataclass(frozen=True)
class RunSettings:
    """A run's identity and the choices made on the command line.

    `parallel` lanes run side by side within `pod_budget` pods, on the first `nodes` of the cluster's nodes. Timing
    fields that are None stay what the cluster says they should be; all are in seconds. `part` keeps
    the names of one process of a run apart from those of the others.
    """

    run: str
    part: str = ""
    parallel: int = 4
    pod_budget: int = 300
    nodes: int = 4
    engine: str = "socket"
    verbatim_namespaces: bool = False
    window_s: float | None = None
    deadline_s: float | None = None
    ceiling_s: float | None = None
    profile: ProfileChoice = field(default_factory=ProfileChoice)
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def marks(self) -> Mapping[str, str]:
        """Labels that every namespace of this run carries."""
        return {**MANAGED_BY, RUN_LABEL: self.run}

    @property
    def prefix(self) -> str:
        """What every namespace of this run and part begins with."""
        return f"np-{self.run}-{self.part}-" if self.part else f"np-{self.run}-"

    def timing(self, base: Timing) -> Timing:
        """Return the cluster's timing with this run's own choices put in; engines that are programs get more of it."""
        if self.engine != "socket":
            base = replace(
                base,
                window_s=max(base.window_s, _TOOL_WINDOW_S),
                floor_s=max(base.floor_s, _TOOL_FLOOR_S),
                deadline_s=base.deadline_s * 2,
            )
        window_s = base.window_s if self.window_s is None else self.window_s
        deadline_s = base.deadline_s if self.deadline_s is None else self.deadline_s
        ceiling_s = base.ceiling_s if self.ceiling_s is None else self.ceiling_s
        return replace(
            base,
            window_s=window_s,
            deadline_s=max(deadline_s, window_s),
            ceiling_s=ceiling_s,
            floor_s=min(base.floor_s, ceiling_s),
        )

    def check(self) -> None:
        """Raise `InterruptedRunError` if the run was asked to stop."""
        if self.cancelled.is_set():
            raise InterruptedRunError
