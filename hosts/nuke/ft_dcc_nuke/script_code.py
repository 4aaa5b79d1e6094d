"""Code in a script from elsewhere: Nuke cannot open a script without running it, so the artist is asked before."""

from __future__ import annotations

import html
import re
from pathlib import Path

import nuke

from ft_dcc.errors import SceneUnreadable

# Source: Foundry's Python developer's guide, "Callbacks": knobs of a script and of its nodes hold them. A script is
# itself a program in Tcl, and Tcl in brackets is evaluated wherever a knob has it.
_CALLBACKS = rb"onScript\w+|on(?:User)?Create|onDestroy|knobChanged|updateUI|autolabel|(?:before|after)\w*Render"
# Those that only read values, such as [value size], are not here.
_COMMANDS = (
    rb"python|pyexec|exec|eval|source|load|open|socket|proc|subst|apply|uplevel|interp|package|rename|after|namespace"
    rb"|trace|file\s+(?:delete|rename|copy|mkdir|attributes)"
)
_CODE = (
    # A knob with a value.
    re.compile(rb"^[ \t]*(" + _CALLBACKS + rb')[ \t]+(?!(?:\{\s*\}|"")\s*$)\S', re.MULTILINE),
    re.compile(rb"(?:^|[;{}\[])[ \t]*(" + _COMMANDS + rb")\b(?![ \t]*\})", re.MULTILINE),
    # A command whose name is computed.
    re.compile(rb"(\[\s*(?:\[\s*[a-z]|\$))"),
)


def find(text: bytes) -> list[str]:
    """Return the names of what runs when a script with this text is open."""
    found = {match[1] for pattern in _CODE for match in pattern.finditer(text)}
    return sorted("computed Tcl" if name.startswith(b"[") else name.decode() for name in found)


def require_consent(path: Path) -> None:
    """Ask the artist whether to open a script with code, and raise SceneUnreadable if not; without a window open it."""
    names = ", ".join(find(path.read_bytes()) if nuke.GUI else [])
    question = "has code that runs while it is open, written by the person who saved it:"
    if names and not nuke.ask(f"{html.escape(path.name)} {question} {names}. Open it?"):
        raise SceneUnreadable(f"{path} was not opened, because it has code: {names}. Ask its author.")
