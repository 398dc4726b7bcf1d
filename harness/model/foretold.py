"""What the profile of a CNI says of one flow."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.result import Decision


@dataclass(frozen=True, slots=True)
class Foretold:
    """A CNI is known to make `decision` (allow or deny) of a flow of which the published semantics say something else.

    `certain` False: it depends on a setting or on timing, so that its absence proves nothing. `listed` names the
    profile's entries, with reason, link and versions. `without_policies`: the flow is closed where no policy is in
    force at all, so that it has no baseline.
    """

    decision: Decision
    certain: bool
    profile: str
    listed: str
    without_policies: bool = False
