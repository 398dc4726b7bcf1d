"""What a cluster can do, and the line to an agent inside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from harness.model.flow import Family, L4Protocol


@dataclass(frozen=True, slots=True)
class Timing:
    """How long this kind of cluster deserves to be watched; all in seconds.

    `rounds` equal rounds over at least `window_s` after the barrier are settled;
    after `deadline_s` a step is unsettled. A probe waits `floor_s` to `ceiling_s`
    for its answer, in between by what the baseline showed. What is deleted is gone within `gone_s`, or an error says
    what holds it. `turns` is how often the sentinel's policy is turned over in one barrier: a CNI that works on many
    pods at once may take a second policy in before the first one, but not twice.
    """

    rounds: int = 3
    window_s: float = 0.2
    deadline_s: float = 15.0
    floor_s: float = 0.15
    ceiling_s: float = 2.0
    ready_s: float = 30.0
    canary_s: float = 10.0
    gone_s: float = 120.0
    turns: int = 1


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a cluster is and can do; callers ask this record, never a cluster's name.

    `private`: opened for one caller and gone with it, so cluster-wide effects and fixed
    external addresses disturb nobody. `nodes` are the names that pods can be put on, empty
    where there is nothing to choose. `relabels_in_time` False: a pod's
    new labels may take effect long after the barrier, so that a step that relabels cannot be judged.
    `shows_identities`: it tells by which labels its CNI knows each pod. `notes` are
    facts that every report of this cluster must carry.
    """

    kind: str
    emulated: bool
    cni: str | None = None
    cni_version: str | None = None
    kubernetes: str | None = None
    families: frozenset[Family] = frozenset({Family.IPV4})
    protocols: frozenset[L4Protocol] = frozenset({L4Protocol.TCP, L4Protocol.UDP})
    nodes: tuple[str, ...] = ()
    externals: bool = False
    private: bool = False
    relabels_in_time: bool = True
    shows_identities: bool = False
    timing: Timing = field(default_factory=Timing)
    notes: tuple[str, ...] = ()


class AgentChannel(Protocol):
    """A held-open, line-oriented channel to one agent: all that probing needs of a cluster.

    `receive` is called by one thread only, `send` and `close` by any.
    """

    def send(self, line: str) -> None:
        """Send one line, given without its newline. Raises `ChannelClosedError`."""
        ...

    def receive(self) -> str:
        """Wait for the next whole line and return it without its newline.

        Raises `ChannelClosedError` once the channel has ended; a last line cut
        in the middle is never returned.
        """
        ...

    def close(self) -> None:
        """End the channel; a `receive` under way raises. Closing twice is fine."""
        ...
