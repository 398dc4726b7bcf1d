"""Put states into force: at once, or as late and as wrong as a fault says."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from harness.cluster.local import ruleset
from harness.cluster.local.faults import Fault
from harness.cluster.local.state import PodState, State
from harness.cluster.local.timelines import Change, Rewrite
from harness.errors import ClusterError

Install = Callable[[str], None]


@dataclass(order=True)
class _Due:
    at: float
    serial: int
    rewrite: Rewrite = field(compare=False)
    change: Change = field(compare=False)


class Enforcer:
    """Keeps the newest wish and the state in force apart; thread-safe.

    `install` gets a whole transaction for nft and returns once it is in force. Without a fault, so does `update`.
    """

    def __init__(self, install: Install, fault: Fault | None = None) -> None:
        self._install = install
        self._fault = fault
        self._desired = State()
        self._programmed = State()
        self._first_pods: dict[str, PodState] = {}
        self._first_namespaces: dict[str, Mapping[str, str]] = {}
        self._queue: list[_Due] = []
        self._serial = 0
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.failed: str | None = None

    def update(self, desired: State) -> None:
        """Put `desired` into force as the fault has it. Raises `ClusterError` if nft refuses what is due now."""
        with self._wake:
            if self._fault is None:
                self._desired = desired
                self._put(desired)
                return
            self._remember(desired)
            change = Change(
                desired=desired,
                before=self._desired,
                programmed=self._programmed,
                is_pending=bool(self._queue),
                first_pods=dict(self._first_pods),
                first_namespaces=dict(self._first_namespaces),
            )
            self._desired = desired
            for delay_s, rewrite in self._fault.plan(change):
                if delay_s <= 0:
                    self._put(rewrite(desired, change))
                else:
                    self._serial += 1
                    heapq.heappush(self._queue, _Due(time.monotonic() + delay_s, self._serial, rewrite, change))
            self._start_thread()
            self._wake.notify_all()

    def describe(self) -> str:
        """Say what is in force and what is still to come."""
        with self._wake:
            lines = [f"in force: {len(self._programmed.policies)} policies, {len(self._programmed.pods)} pods"]
            if self._fault is not None:
                lines.append(f"fault {self._fault.name}: {self._fault.about}; {len(self._queue)} changes still to come")
            if self.failed is not None:
                lines.append(f"a delayed change failed: {self.failed}")
            return "\n".join(lines)

    def close(self) -> None:
        """Forget what is still to come."""
        with self._wake:
            self._closed = True
            self._queue.clear()
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _put(self, state: State) -> None:
        self._install(ruleset.render(state))
        self._programmed = state

    def _remember(self, desired: State) -> None:
        for pod in desired.pods:
            self._first_pods.setdefault(pod.interface, pod)
        for name in self._first_namespaces.keys() - desired.namespaces.keys():
            del self._first_namespaces[name]
        for name, labels in desired.namespaces.items():
            self._first_namespaces.setdefault(name, labels)

    def _start_thread(self) -> None:
        if self._queue and self._thread is None:
            self._thread = threading.Thread(target=self._work, name="late-enforcement", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        with self._wake:
            while not self._closed:
                now = time.monotonic()
                if not self._queue:
                    self._wake.wait()
                elif self._queue[0].at > now:
                    self._wake.wait(self._queue[0].at - now)
                else:
                    due = heapq.heappop(self._queue)
                    try:
                        # What is late is the knowledge of policies; the pods are those of now.
                        self._put(due.rewrite(self._desired, replace(due.change, programmed=self._programmed)))
                    except ClusterError as fault:
                        self.failed = str(fault)
