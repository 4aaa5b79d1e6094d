"""The flags that each Maya command accepts per year, from ``flags.tsv``, and the errors that Maya raises."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs

FLAGS = Path(__file__).with_name("flags.tsv")
# Later years are treated like this one.
NEWEST = 2026
# Missing in the tables, but commonly used in this mode: see decision 0002.
_ALSO = {
    ("isolateSelect", "state", "create"),
    ("isolateSelect", "addDagObject", "create"),
    ("window", "exists", "query"),
    ("optionVar", "query", "query"),
    ("file", "reference", "query"),
    ("file", "reference", "create"),
    ("file", "namespace", "create"),
}


@attrs.frozen
class Flag:
    """One flag of a command; ``arity`` 0 is a switch."""

    name: str
    short: str
    kinds: tuple[str, ...]
    arity: int
    modes: frozenset[str]
    years: frozenset[int]


@attrs.frozen
class Invocation:
    """One checked call of a command, with long flag names; ``mode`` is create, query or edit."""

    command: str
    mode: str
    arguments: tuple[Any, ...]
    flags: dict[str, Any]

    def first(self):
        return self.arguments[0] if self.arguments else None


@lru_cache(maxsize=1)
def commands():
    """Return every known command with its flags by their long names."""
    found = {}
    for line in FLAGS.read_text(encoding="utf-8").splitlines():
        command, *facts = line.split("\t")
        flags = found.setdefault(command, {})
        if facts:
            name, short, kinds, arity, modes, years = facts
            flags[name] = Flag(
                name,
                short,
                tuple(kinds.split()),
                int(arity),
                frozenset(modes.split()),
                frozenset(map(int, years.split())),
            )
    return found


def check(command, year, arguments, keywords):
    """Return the call with long flag names; raise TypeError or RuntimeError for what Maya of this year refuses."""
    known = {name: flag for name, flag in commands()[command].items() if year in flag.years}
    by_short = {flag.short: flag for flag in known.values()}
    given = {}
    mode = "create"
    for name, value in keywords.items():
        flag = known.get(name) or by_short.get(name)
        if flag is None:
            raise TypeError(f"Invalid flag '{name}'")
        if flag.name in ("query", "edit") and not flag.modes and flag.kinds == ("bool",):
            check_value(flag, value)
            mode = flag.name if value else mode
        else:
            given[flag.name] = value
    for name, value in given.items():
        _check_mode(command, known[name], mode, value)
        if mode != "query" or (known[name].kinds[0] == "str" and not isinstance(value, bool)):
            check_value(known[name], value)
    # A switch that is False is a switch that is not given.
    is_off = {name for name, value in given.items() if value is False and (mode == "query" or not known[name].arity)}
    return Invocation(command, mode, arguments, {name: given[name] for name in given if name not in is_off})


def _check_mode(command, flag, mode, value):
    if mode == "query" and not isinstance(value, bool) and flag.kinds[0] == "bool":
        raise TypeError(f"Flag '{flag.name}' must be passed a boolean argument when query flag is set")
    if flag.modes and mode not in flag.modes and (command, flag.name, mode) not in _ALSO:
        raise RuntimeError(f"{command}: the flag '{flag.name}' cannot be used in {mode} mode")


def check_value(flag, value):
    """Raise TypeError, with Maya's message, for a value that the flag does not accept."""
    if "multiuse" in flag.modes and isinstance(value, list):
        for one in value:
            _check_one(flag, one)
    else:
        _check_one(flag, value)


def _check_one(flag, value):
    if flag.arity < 2:
        _check_kind(flag, flag.kinds[0], value)
        return
    if not isinstance(value, (tuple, list)) or len(value) != flag.arity:
        raise TypeError(f"Invalid arguments for flag '{flag.name}'.  Expected {', '.join(flag.kinds)}, got {value!r}")
    for kind, part in zip(flag.kinds, value):
        _check_kind(flag, kind, part)


def _check_kind(flag, kind, value):
    takes = {"bool": (bool, int), "int": (int,), "float": (int, float), "time": (int, float, str), "str": (str,)}
    is_fine = isinstance(value, takes.get(kind, (object,)))
    if kind == "script":
        is_fine = isinstance(value, str) or callable(value)
    if kind in ("int", "float", "time") and isinstance(value, bool):
        is_fine = False
    if not is_fine:
        raise TypeError(f"Invalid arguments for flag '{flag.name}'.  Expected {kind}, got {type(value).__name__}")
