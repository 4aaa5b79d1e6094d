"""The syntax tree of a query, and the literals that are replaced by parameters before it is parsed."""

from __future__ import annotations

import re
from typing import Union

import attrs

from ft_dcc.server.errors import ParseError

# A quoted text or an id. It begins with a set of characters, which the re module searches for fast. A text without its
# closing quote ends with the expression: otherwise the search would begin again at each of the quotes in it.
_LITERAL_PATTERN = (
    r"[\"'0-9a-fA-F](?:"
    r"(?<=\")[^\"\\]*(?:\\.[^\"\\]*)*(?:\"|\\?\Z)|(?<=')[^'\\]*(?:\\.[^'\\]*)*(?:'|\\?\Z)|"
    r"(?<![\w.$-][0-9a-fA-F])[0-9a-fA-F]{7}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w.-]))"
)
_LITERAL = re.compile(_LITERAL_PATTERN, re.DOTALL)
_LITERALS = re.compile(rf"{_LITERAL_PATTERN}(?:\s*,\s*{_LITERAL_PATTERN})*", re.DOTALL)
_CLOSED_TEXT = re.compile(r"\"[^\"\\]*(?:\\.[^\"\\]*)*\"|'[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@attrs.frozen
class Step:
    """One name of a path, the type that it is cast to ("" for none), and its position, counted from 1."""

    name: str
    cast: str
    position: int


Path = tuple[Step, ...]


@attrs.frozen
class Value:
    """The right side of a comparison: a bare word, or the index of a literal that is bound when the query runs."""

    word: str | None
    position: int
    literal: int = 0
    is_list: bool = False


@attrs.frozen
class Comparison:
    """``path operator value``."""

    path: Path
    operator: str
    value: Value


@attrs.frozen
class InCondition:
    """``path in (…)``: with values, or with the results of another query."""

    path: Path
    is_in: bool
    values: tuple[Value, ...]
    query: Query | None


@attrs.frozen
class RelationCondition:
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


Criteria = Union[Comparison, InCondition, RelationCondition, Negation, Junction]


@attrs.frozen
class Projection:
    """A selected path, or an aggregate function of one."""

    path: Path
    function: str = ""
    position: int = 0


@attrs.frozen
class Order:
    """One path to sort by."""

    path: Path
    is_descending: bool


@attrs.frozen
class Query:
    """A whole expression."""

    entity_type: str
    projections: tuple[Projection, ...] = ()
    criteria: Criteria | None = None
    groups: tuple[Path, ...] = ()
    orders: tuple[Order, ...] = ()


def parameterise(expression: str) -> tuple[str, list[list[str]]]:
    """Return the expression with ``$`` for each quoted text or id (``$$`` for a list of them), and the literals.

    Queries that differ only in literals have the same template and share a plan. Raises ParseError for any other ``$``
    in the expression, which would be mistaken for a parameter.
    """
    literals: list[list[str]] = []

    def extract(match: re.Match[str]) -> str:
        texts = _LITERAL.findall(match[0])
        if match.end() == len(expression) and texts[-1][0] in "\"'" and not _CLOSED_TEXT.fullmatch(texts[-1]):
            position = len(expression) - len(texts[-1]) + 1
            raise ParseError(f"The query cannot be read at character {position}: the text has no closing quote.")
        found = [unquote(literal) for literal in texts]
        literals.append(found)
        return "$" if len(found) == 1 else "$$"

    text = _LITERALS.sub(extract, expression)
    if text.count("$") != sum(min(len(found), 2) for found in literals):
        position = _LITERALS.sub(lambda match: "x" * len(match[0]), expression).index("$") + 1
        raise ParseError(
            f"The query cannot be read at character {position}, at '$'. Put the text that has it in quotes."
        )
    return text, literals


def unquote(text: str) -> str:
    r"""Return the text without quotes; ``\"`` becomes ``"``, and ``\%`` stays for the patterns of ``like``."""
    if text[:1] not in ("'", '"'):
        return text
    return _ESCAPED.sub(lambda match: match[1] if match[1] in "\"'\\" else match[0], text[1:-1])
