"""HTML that nothing can be injected into: only this module makes markup out of text, and it escapes all of it.

A page has no script and loads nothing; its policy (CSP) forbids both, so that even a fault here could not run any.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape

from harness.reporting.text import printable


class Markup(str):
    """Text that is HTML already; made by `element` and `page` alone."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: str | float | None) -> Markup:
    """Return an element. Children that are no `Markup` are text and are escaped; None is left out.

    `class_` is `class`; other underscores in attributes' names are dashes. An attribute that is None is left out.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(printable(_number(value)))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{given}>{joined(*children)}</{tag}>")


def joined(*children: str | None) -> Markup:
    """Return children one after the other."""
    return Markup("".join(_escaped(child) for child in children if child is not None))


def page(title: str, style: str, *body: Markup) -> str:
    """Return a whole document, ending in a newline. `style` is ours, and the only one that the page's policy takes."""
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_escaped(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _escaped(text: str) -> str:
    return text if isinstance(text, Markup) else escape(printable(text))


def _number(value: str | float) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
