"""Colour, which only adds: without it every report says the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.model.result import Verdict


class Tone(Enum):
    """What a piece of text is about; the value is its SGR code (ECMA-48)."""

    GOOD = "32"
    BAD = "31"
    DOUBT = "33"
    STRONG = "1"
    FAINT = "2"


TONES = {
    Verdict.MATCH: Tone.GOOD,
    Verdict.LEAK: Tone.BAD,
    Verdict.OUTAGE: Tone.BAD,
    Verdict.INCONCLUSIVE: Tone.DOUBT,
    Verdict.IGNORED: Tone.FAINT,
    Verdict.KNOWN: Tone.FAINT,
}


@dataclass(frozen=True, slots=True)
class Style:
    """Paints text that was measured already, since codes take no columns."""

    colour: bool = False

    def paint(self, text: str, tone: Tone | None) -> str:
        """Return `text` in `tone`, or as it is where there is no colour, no tone or nothing to see."""
        if not self.colour or tone is None or not text.strip():
            return text
        return f"\x1b[{tone.value}m{text}\x1b[0m"


@dataclass(frozen=True, slots=True)
class Look:
    """How a reader wants it: in how many columns, in colour or not, all of it or what matters."""

    width: int = 80
    style: Style = Style()
    verbose: bool = False

    @classmethod
    def of(cls, width: int, *, colour: bool, verbose: bool = False) -> Look:
        """Build a look; below 40 columns nothing can be laid out, so narrower terminals wrap by themselves."""
        return cls(max(width, 40), Style(colour), verbose)
