"""A query as a tree of plain values, and the literals that are taken out before it is read."""

from __future__ import annotations

import re
from typing import Union

import attrs

from ft_dcc.errors import ParseError

# A quoted text or an id. It begins with a set of characters, because the module then leaps to the next one of them.
_ONE = (
    r"[\"'0-9a-fA-F](?:"
    r"(?<=\")[^\"\\]*(?:\\.[^\"\\]*)*\"|(?<=')[^'\\]*(?:\\.[^'\\]*)*'|"
    r"(?<![\w.$-][0-9a-fA-F])[0-9a-fA-F]{7}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w.-]))"
)
_LITERAL, _LITERALS = re.compile(_ONE, re.DOTALL), re.compile(rf"{_ONE}(?:\s*,\s*{_ONE})*", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@attrs.frozen
class Step:
    """One name of a path, the type that it is cast to ("" for none), and its place in the expression."""

    name: str
    cast: str
    place: int


Path = tuple[Step, ...]


@attrs.frozen
class Value:
    """What is compared with: a bare word, or the numbers of masked literals that are known when the query runs."""

    word: str | None
    place: int
    mask: int = 0
    is_list: bool = False


@attrs.frozen
class Comparison:
    """``path operator value``."""

    path: Path
    operator: str
    value: Value


@attrs.frozen
class Within:
    """``path in (…)``: with values, or with the results of another query."""

    path: Path
    is_in: bool
    values: tuple[Value, ...]
    query: Query | None


@attrs.frozen
class Related:
    """``path any (…)`` and ``path has (…)``."""

    path: Path
    criteria: Criteria | None


@attrs.frozen
class Negation:
    """``not criteria``."""

    criteria: Criteria


@attrs.frozen
class Junction:
    """Criteria that are joined by ``and`` or ``or``."""

    word: str
    parts: tuple[Criteria, ...]


Criteria = Union[Comparison, Within, Related, Negation, Junction]


@attrs.frozen
class Projection:
    """What is asked for: a path, or a function of one."""

    path: Path
    function: str = ""
    place: int = 0


@attrs.frozen
class Order:
    """One path to sort by."""

    path: Path
    is_descending: bool


@attrs.frozen
class Query:
    """A whole expression."""

    entity_type: str
    place: int
    projections: tuple[Projection, ...] = ()
    criteria: Criteria | None = None
    groups: tuple[Path, ...] = ()
    orders: tuple[Order, ...] = ()
    offset: int = 0
    limit: int | None = None


def mask(expression: str) -> tuple[str, list[list[str]]]:
    """Return the expression with ``$`` for each quoted text or id (``$$`` for a list of them), and these literals.

    Queries that differ only in literals have the same masked form, so one plan serves them all. Raises ParseError for
    another ``$``, which would be taken for one of them.
    """
    literals: list[list[str]] = []

    def put_away(match: re.Match[str]) -> str:
        found = [unquote(literal) for literal in _LITERAL.findall(match[0])]
        literals.append(found)
        return "$" if len(found) == 1 else "$$"

    text = _LITERALS.sub(put_away, expression)
    if text.count("$") != sum(min(len(found), 2) for found in literals):
        place = _LITERALS.sub(lambda match: "x" * len(match[0]), expression).index("$") + 1
        raise ParseError(f"The query cannot be read at character {place}, at '$'. Put the text that has it in quotes.")
    return text, literals


def unquote(text: str) -> str:
    """Return the text without its quotes; ``\\"`` is ``"``, and ``\\%`` stays for the patterns of ``like``."""
    if text[:1] not in ("'", '"'):
        return text
    return _ESCAPED.sub(lambda match: match[1] if match[1] in "\"'\\" else match[0], text[1:-1])
