"""Options of the project's own test suite; what they do is in `tests/`."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the suite's options."""
    group = parser.getgroup("netpol-harness suite")
    group.addoption(
        "--update-goldens",
        action="store_true",
        help="rewrite tests/golden/reports/ with what is rendered now; read the difference before committing it",
    )
    group.addoption(
        "--require",
        action="append",
        default=[],
        metavar="NAME",
        help="fail the tests skipped for want of NAME "
        "(netns, nc, curl, openssl, chromium, cluster, audit, lab, kind); repeatable",
    )
