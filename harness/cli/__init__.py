"""Arguments to objects to exit code; the only package that prints.

Importing it is cheap on purpose: each command imports what it needs when it runs, so
that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from harness.errors import ExitCode, HarnessError

__all__ = ["entry", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; an error is told in words, never as a traceback."""
    from harness.cli.arguments import parser

    options = parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader (`| head`) has seen enough. Keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.INCONCLUSIVE)
    except Exception as error:  # noqa: BLE001 - Python's own status for it is 1, which would say LEAK
        traceback.print_exc()
        sys.stderr.write(f"internal error, so nothing is proved: {type(error).__name__}: {error}\n")
        return int(ExitCode.INCONCLUSIVE)


def entry() -> None:
    """Run as the `netpol-harness` program."""
    sys.exit(main())
