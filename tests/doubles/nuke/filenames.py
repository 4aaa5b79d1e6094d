"""The expansion of file names in the double: Tcl in brackets, views, and frame numbers.

Source: Foundry's Python reference, ``nuke.filename`` and ``nuke.evaluateString``: ``%04d`` and ``####`` are the frame
number, ``%V`` and ``%v`` the view's name and its first letter. Of Tcl there are the commands that studios use in names.
"""

import os
import posixpath
import re

_NUMBER = re.compile(r"%(\d*)d|(#+)")


def expand(nuke, text, view, frame=None):
    """Return the name for this view, with the frame number if a frame is given."""
    text = _substitute(nuke, text)
    text = text.replace("%V", view).replace("%v", view[0])
    return text if frame is None else _NUMBER.sub(lambda number: _filled(number, frame), text)


def _substitute(nuke, text):
    """Replace each command in brackets by its result; the result of a nested command is one word."""
    words = [""]
    depth, made = 0, ""
    for letter in text:
        depth -= letter == "]"
        if depth == 0:
            made += _evaluated(nuke, [_substitute(nuke, word) for word in words]) if letter == "]" else ""
            made += letter if letter not in "[]" else ""
            words = [""]
        elif letter == " " and depth == 1:
            words.append("")
        else:
            words[-1] += letter
        depth += letter == "["
    return made


def _filled(number, frame):
    width = len(number[2]) if number[2] else int(number[1] or 1)
    return f"{frame:0{width}d}"


def _evaluated(nuke, words):
    if words[:1] == ["getenv"]:
        return os.environ[words[1]]
    if words[:1] == ["value"]:
        node, _, knob = words[1].rpartition(".")
        found = nuke.find(node)
        if found is None:
            raise RuntimeError(f"{words[1]}: no such node")
        return str(found._knobs[knob]._value)
    if words[:1] == ["file"]:
        parts = {
            "dirname": posixpath.dirname,
            "tail": posixpath.basename,
            "rootname": lambda p: posixpath.splitext(p)[0],
        }
        return parts[words[1]](words[2])
    raise NotImplementedError(f"[{' '.join(words)}] is not modelled; model it before you use it")
