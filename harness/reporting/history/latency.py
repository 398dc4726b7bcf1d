"""One byte for a duration: all that a history keeps of how long each probe took.

Pure. A logarithmic scale of twelve steps to a factor of two, from 10 microseconds to 24 seconds: what comes back is
within 3 % of what went in, and a run of 5,000 flows costs 5 kB.
"""

from __future__ import annotations

from math import isfinite, log2

_UNKNOWN = 0
_SHORTEST_S = 1e-5
_STEPS = 12
_LAST = 255


def encode(seconds: float | None) -> int:
    """Return the code of a duration, 0 where it is unknown; what is beyond either end is put at that end."""
    if seconds is None or not isfinite(seconds) or seconds < 0:
        return _UNKNOWN
    return min(_LAST, 1 + round(_STEPS * log2(max(seconds, _SHORTEST_S) / _SHORTEST_S)))


def decode(code: int) -> float | None:
    """Return the duration in seconds, None where it is unknown."""
    return None if code == _UNKNOWN else _SHORTEST_S * 2 ** ((code - 1) / _STEPS)
