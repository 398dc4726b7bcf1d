"""A self-contained page out of assets and data; knows nothing of what the page is about."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from harness.reporting.assets import asset

_ENCODE = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
# Of ASCII JSON only these three can end a script element, or open a comment in one (HTML, "script data state").
_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def assemble(
    template: str, *, styles: Sequence[str], scripts: Sequence[str], data: Any, texts: Mapping[str, str]
) -> str:
    """Return the page: `template` with its `$style`, `$script`, `$data`, `$policy`, and `texts` as escaped text.

    `styles` and `scripts` name assets, in order; the scripts share one scope and see nothing of the page's other names.
    """
    style = "".join(asset(name) for name in styles)
    script = '"use strict";(() => {\n' + "".join(asset(name) for name in scripts) + "})();\n"
    values = {
        **{name: html.escape(text) for name, text in texts.items()},
        "style": style,
        "script": script,
        "data": island(data),
        "policy": policy(script, style),
    }
    return Template(asset(template)).substitute(values)


def island(data: Any) -> str:
    """Return data as ASCII JSON that no HTML parser takes for anything but text."""
    return _ENCODE(data).translate(_UNSAFE)


def policy(script: str, style: str) -> str:
    """Return a content security policy under which this script and this style work, and nothing else does.

    Trusted types with no policy at all: the script itself cannot make markup of a string either.
    """
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
