"""Text from other people, as it is shown: no control character reaches a terminal, and no markup a toolkit."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

# C0 and C1 control characters but tabulator and line feed, line separators, and marks that reorder text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Return the text with a space for each control character; line feeds and tabulators stay.

    >>> printable("red\x1b[31m\nalert")
    'red [31m\nalert'
    """
    return _CONTROL.sub(" ", text.replace("\r\n", "\n"))


def single_line(text: str) -> str:
    """Return the text in one line: line breaks, which names of nodes and files can contain, are spaces as well."""
    return printable(" ".join(text.splitlines())).replace("\t", " ")


def escape_json(text: str) -> str:
    """Return JSON text with its control characters as escapes; it has none but those in strings, and line feeds."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def tool_tip(text: str) -> str:
    """Return the text for a tool tip of Qt, which takes any text with a tag for HTML and loads the files it names."""
    shown = printable(text)
    return f'<p style="white-space: pre-wrap">{html.escape(shown)}</p>' if "<" in shown else shown


def original(shown: str, names: Iterable[str]) -> str:
    """Return the one of the names that is shown as this line, or the line itself without one."""
    return next((name for name in names if single_line(name).strip() == shown.strip()), shown)


def button_text(text: str) -> str:
    """Return the text for a button or a menu of Qt, which would take an ampersand for the mark of a key."""
    return single_line(text).replace("&", "&&")
