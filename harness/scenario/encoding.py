"""Bytes to text that YAML can be read from: UTF-8, not too long, and printable."""

from __future__ import annotations

import re

from harness.errors import Problem, ScenarioError, SourceLocation
from harness.scenario.positions import BREAK, Source

MAX_BYTES = 1024 * 1024
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def text_of(raw: bytes, file: str) -> str:
    """Return `raw` as text. Raises `ScenarioError` with the place where it is not UTF-8, or where it is too long."""
    if len(raw) > MAX_BYTES:
        fault = f"the file has {len(raw)} bytes, of at most {MAX_BYTES}"
        raise ScenarioError([Problem(SourceLocation(file, 1, 1), "", fault)])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = BREAK.split(raw[: error.start].decode("utf-8"))
        source = Source(file, raw.decode("utf-8", errors="replace"))
        fault = f"the byte 0x{raw[error.start]:02x} is not UTF-8"
        problem = source.problem(len(before) - 1, len(before[-1]), "", fault, "save the file as UTF-8")
        raise ScenarioError([problem]) from error


def refuse_unprintable(source: Source) -> None:
    """Raise `ScenarioError` at the first character that YAML does not allow, if there is one."""
    found = _UNPRINTABLE.search(source.text)
    if found is None:
        return
    before = BREAK.split(source.text[: found.start()])
    code = ord(found.group())
    fault, remedy = f"the character U+{code:04X} is not allowed in YAML", "write it as an escape in double quotes"
    if code == 0:
        fault, remedy = "a NUL character is not allowed in YAML", "is this a text file, saved as UTF-8?"
    elif code in (0xFEFF, 0xFFFE):
        fault, remedy = "a byte order mark is not allowed", "save the file as UTF-8 without a byte order mark"
    raise ScenarioError([source.problem(len(before) - 1, len(before[-1]), "", fault, remedy)])
