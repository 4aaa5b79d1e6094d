"""Fragments of public configurations of studios, and the modules of a program as those use them."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

# What has an effect only on parts of the programs that the doubles do not have.
_WITHOUT_EFFECT = {
    *("pluginAddPath", "load", "addAutolabel", "addOnScriptLoad", "addOnScriptClose"),
    *("commandPort", "renderThumbnailUpdate", "jointDisplayScale", "loadPlugin", "headsUpDisplay", "help"),
}


def fragments(program: str) -> list[str]:
    """Return the code of each fragment for "maya" or "nuke"."""
    lines = Path(__file__).with_suffix(".tsv").read_text(encoding="utf-8").splitlines()
    found = [line.split("\t") for line in lines if line.startswith(program)]
    return [codecs.decode(code, "unicode_escape") for _program, _source, code in found]


class StudioModule:
    """The module ``nuke`` or ``maya.cmds``; ``own`` are names that it has besides."""

    def __init__(self, module: Any, **own: Any) -> None:
        self._module, self._own = module, own

    def __getattr__(self, name: str) -> Any:
        if name in _WITHOUT_EFFECT:
            return lambda *_arguments, **_values: None
        return self._own.get(name) or getattr(self._module, name)
