"""README's tested commands: a convention, and its reader.

A fenced block of ```console or ```sh is tested when the line before it (blank lines aside) is one of

    <!-- tested -->
    <!-- tested: netns -->

The second names what the block needs; such a test is marked `netns` and skipped where the machine lacks it.
Inside the block:

- a line `$ command` is run by bash at the checkout's root; it goes on in the next line after a backslash. Each
  command has a shell of its own (`cd` does not last), all commands of a block share their files;
- `# exit 1` at its end states the exit status; without it the command must exit with 0;
- the lines that follow a command, up to the next `$`, occur in what it prints (both streams, trailing blanks
  aside) as one piece; `...` stands for any text, line ends included.

The checkout that a block runs in has links to everything of the repository but `scenarios/`, which is
copied: a command may write files, and break a policy by hand, without touching the repository.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLOCK = re.compile(
    r"^<!--\s*tested(?::\s*(?P<needs>[\w, -]+?))?\s*-->[ \t]*\n\s*```(?:console|sh)[ \t]*\n(?P<body>.*?)^```[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"^<!--\s*tested\b", re.MULTILINE)
_STATUS = re.compile(r"\s+#\s*exit\s+(\d+)\s*$")


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, the exit status it must have, and what it must print (maybe nothing)."""

    text: str
    status: int
    output: str

    def is_printed_in(self, actual: str) -> bool:
        """Tell whether `actual` has the expected output, `...` being a wildcard."""
        pattern = re.escape(_stripped(self.output).strip("\n")).replace(re.escape("..."), ".*?")
        return re.search(pattern, _stripped(actual), re.DOTALL) is not None


@dataclass(frozen=True, slots=True)
class Block:
    """A tested block; `line` counts from 1 in the file, `needs` are names of markers."""

    line: int
    needs: tuple[str, ...]
    commands: tuple[Command, ...]


def parse(text: str) -> tuple[Block, ...]:
    """Return the tested blocks of a Markdown text, in order.

    Raises `ValueError` for a mark that no block follows, and for a block that holds no command or
    begins with something else: it would be a test of nothing.
    """
    blocks = tuple(_block(text, match) for match in _BLOCK.finditer(text))
    if len(blocks) != len(_MARK.findall(text)):
        raise ValueError("a `tested` mark is not followed by a ```console or ```sh block")
    return blocks


def _block(text: str, match: re.Match[str]) -> Block:
    line = text.count("\n", 0, match.start("body")) + 1
    needs = tuple(name.strip() for name in (match["needs"] or "").split(",") if name.strip())
    before, *pieces = re.split(r"^\$ ", match["body"], flags=re.MULTILINE)
    if before.strip() or not pieces:
        raise ValueError(f"line {line}: a tested block begins with `$ command`")
    return Block(line, needs, tuple(_command(piece) for piece in pieces))


def _command(piece: str) -> Command:
    lines = piece.splitlines()
    last = next(number for number, line in enumerate(lines) if not line.endswith("\\") or number == len(lines) - 1)
    text = "\n".join(lines[: last + 1])
    stated = _STATUS.search(text)
    return Command(_STATUS.sub("", text), int(stated[1]) if stated else 0, "\n".join(lines[last + 1 :]))


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())
