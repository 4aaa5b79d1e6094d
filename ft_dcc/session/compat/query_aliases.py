"""Translate the names of published documents in queries, at any depth.

The expression is read as the tree of its conditions: each path is resolved from the entity type that it starts at. A
name that no condition of the schema can express is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Union

from ft_dcc.errors import OperationError

# The space before a token, and the token: a quoted text, an operator, a parenthesis, a comma, or a word.
_TOKEN = re.compile(r"""(\s*)("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[<>!]?=|[<>]|[(),]|[^\s()",'<>!=]+|\S)""", re.DOTALL)
_WORDS = re.compile(
    r"\b(name|description|status|is_public|text|user|frame|invitation_status|review_session_object\w*|Version|Rev\w+)\b"
)
_EQUAL, _UNEQUAL = frozenset(("is", "=", "in")), frozenset(("is_not", "!=", "not_in"))
_RELATED = frozenset(("any", "has"))
_OTHERS = frozenset(("like", "not_like", "<", ">", "<=", ">=", "after", "before", "greater_than", "less_than"))
_OPERATORS = _EQUAL | _UNEQUAL | _OTHERS | _RELATED
_CLAUSES = frozenset(("order", "group", "limit", "offset"))
_AFTER_CONDITIONS = _CLAUSES | {"by", "asc", "ascending", "desc", "descending"}


class Computed(NamedTuple):
    """A name whose values are computed from a column."""

    column: str
    # The condition on the column for each value; without, a value is v and the number in the column, such as v001.
    tests: Mapping[str, str] = {}


class Related(NamedTuple):
    """A relation that the schema lacks: the key that refers to an entity type, and the attribute that it holds."""

    key: str
    entity_type: str
    attribute: str


Alias = Union[str, Computed, Related]


def translate_query(expression: str, types: Any) -> str:
    """Return the query in the terms of the site's schema; raises OperationError for a name that it cannot express."""
    if _WORDS.search(expression) is None:
        return expression
    return _Translation(expression, types).query()


class _Translation:
    """One expression; each method reads a part of it from the present position and returns its translation."""

    def __init__(self, expression: str, types: Any) -> None:
        self._tokens: list[tuple[str, str]] = _TOKEN.findall(expression)
        self._types = types
        self._at = 0

    def query(self) -> str:
        """Translate a query or a subquery, up to its end or its closing parenthesis."""
        start = self._at
        if self._peek() == "select":
            words = [word for _, word in self._tokens[start:]]
            self._at += words.index("from") + 1 if "from" in words else 0
        columns, (space, name) = self._tokens[start : self._at], self._next()
        text = "".join(space + (word if word == "select" else self._column(word, name)) for space, word in columns)
        text += f"{space}{self._types.resolve_name(name)}"
        if self._peek() == "where":
            text += self._copy() + self._conditions(name)
        # The paths after by are translated; limit and offset stay as they are.
        is_path = False
        while self._peek() not in ("", ")"):
            space, word = self._next()
            text += space + (self._column(word, name) if is_path and word not in _AFTER_CONDITIONS else word)
            is_path = word not in ("limit", "offset") and (is_path or word == "by")
        return text

    def _column(self, word: str, context: str | None) -> str:
        path, _, alias, rest = self._resolve(word, context)
        if isinstance(alias, Related):
            if rest:
                raise OperationError(
                    f"{word!r} cannot be selected or sorted by. Query the {alias.entity_type} instead."
                )
            return _joined(path, alias.key)
        return _joined(path, alias.column) if isinstance(alias, Computed) else path

    def _conditions(self, context: str | None) -> str:
        text = ""
        while (word := self._peek()) not in ("", ")"):
            if word == "(":
                text += self._copy() + self._conditions(context) + self._copy()
            elif word in ("and", "or", "not") or not re.match(r"[A-Za-z_]", word):
                text += self._copy()
            elif word in _CLAUSES and self._peek(1) not in _OPERATORS:
                break
            else:
                text += self._condition(context)
        return text

    def _condition(self, context: str | None) -> str:
        index, (space, written) = self._at, self._next()
        path, target, alias, rest = self._resolve(written, context)
        operator = self._peek()
        if operator not in _OPERATORS:
            return space + written
        if isinstance(alias, Related):
            return space + self._related(path, alias, rest, index)
        if isinstance(alias, Computed):
            self._next()
            return space + self._computed(written, _joined(path, alias.column), alias, operator)
        text = space + path + self._copy()
        return text + (
            self._copy() + self._conditions(target) + self._copy() if operator in _RELATED else self._operand()
        )

    def _computed(self, written: str, column: str, alias: Computed, operator: str) -> str:
        if operator in _RELATED:
            raise OperationError(f"{written!r} is a value and has no attributes. Compare it.")
        if self._is_subquery():
            raise OperationError(f"{written!r} cannot be compared with the result of a query. List its values.")
        values = self._values()
        if operator in _OTHERS and (alias.tests or "like" in operator or None in map(_version_number, values)):
            hint = "Use is, is_not, in or not_in."
            raise OperationError(f"{written!r} cannot be compared like this: {operator} {values[0]}. {hint}")
        if not alias.tests:
            # No version has the number 0, and no other text is the name of a version.
            listed = ", ".join(_version_number(value) or "0" for value in values)
            return f"{column} {operator} " + (f"({listed})" if operator in ("in", "not_in") else listed)
        wanted = {_text(value).lower() for value in values}
        found = [f"{column} {test}" for name, test in alias.tests.items() if name.lower() in wanted]
        condition = " or ".join(found or [f"{column} is none and {column} is_not none"])
        return f"not ({condition})" if operator in _UNEQUAL else f"({condition})"

    def _related(self, path: str, alias: Related, rest: str, index: int) -> str:
        """Translate a condition on an entity that the schema does not relate, to one on its key."""
        key, (_, operator) = _joined(path, alias.key), self._next()
        if operator in _RELATED and not rest:
            self._next()
            inner = self._conditions(alias.entity_type).strip()
            self._next()
        elif rest in ("", alias.attribute):
            return f"{key} {operator}{self._operand()}"
        else:
            # The condition is read again, from the other type.
            self._tokens[index], self._at = ("", rest), index
            inner = self._condition(alias.entity_type)
        where = f" where {inner}" if inner else ""
        return f"{key} in (select {alias.attribute} from {alias.entity_type}{where})"

    def _resolve(self, written: str, context: str | None) -> tuple[str, str | None, Alias | None, str]:
        """Return the path in the schema, the type that it leads to, an alias at its end, and the rest of the path."""
        segments = written.split(".")
        found: list[str] = []
        for index, segment in enumerate(segments):
            alias = self._alias(context, segment)
            rest = ".".join(segments[index + 1 :])
            if isinstance(alias, Computed) and rest:
                raise OperationError(f"{written!r} leads nowhere: {segment!r} is a value and has no attributes.")
            if isinstance(alias, (Computed, Related)):
                return ".".join(found), None, alias, rest
            for name in [segment] if alias is None else alias.split("."):
                found.append(name)
                attribute = self._properties(context).get(name.partition("[")[0], {})
                context = attribute.get("$ref") or (attribute.get("items") or {}).get("$ref")
        return ".".join(found), context, None, ""

    def _alias(self, context: str | None, name: str) -> Alias | None:
        is_known = context is None or name.partition("[")[0] in self._properties(context)
        return None if is_known else _ALIASES.get(self._types.resolve_name(context), {}).get(name)

    def _properties(self, context: str | None) -> Mapping[str, Any]:
        schema_type = self._types.resolve_name(context) if context else context
        properties: Mapping[str, Any] = self._types.schemas.get(schema_type, {}).get("properties", {})
        return properties

    def _operand(self) -> str:
        """Read a value, a list of values or a subquery, and return it with its subquery translated."""
        if self._is_subquery():
            return self._copy() + self.query() + self._copy()
        start = self._at
        self._values()
        return "".join(space + word for space, word in self._tokens[start : self._at])

    def _is_subquery(self) -> bool:
        return self._peek() == "(" and (self._peek(1) == "select" or self._peek(2) == "where")

    def _values(self) -> list[str]:
        """Read a value, or the list of values in a parenthesis."""
        if self._peek() != "(":
            return [self._value()]
        self._next()
        values = []
        while self._peek() not in (")", ""):
            if (value := self._value()) != ",":
                values.append(value)
        self._next()
        return values

    def _value(self) -> str:
        value = self._next()[1]
        while value[:1] not in "\"'," and self._peek() not in ("", "(", ")", ",") and not self._tokens[self._at][0]:
            value += self._next()[1]
        return value

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _next(self) -> tuple[str, str]:
        """Read a token: the space before it, and the token."""
        self._at += 1
        return self._tokens[self._at - 1] if self._at <= len(self._tokens) else ("", "")

    def _copy(self) -> str:
        """Read a token and return it with the space before it."""
        return "".join(self._next())


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _text(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL) if value[:1] in ("'", '"') else value


def _version_number(value: str) -> str | None:
    """Return the number in the name of a version, or none as it is."""
    if value == "none":
        return value
    digits = re.fullmatch(r"(?:v|version )?0*(\d+)", _text(value), re.IGNORECASE)
    return digits[1] if digits else None


_ALIASES: Mapping[str, Mapping[str, Alias]] = {
    "AssetVersion": {"name": Computed("version"), "description": "comment"},
    "ReviewSession": {
        "status": Computed("is_open", {"Open": "is true", "Closed": "is false"}),
        "is_public": "shareable_url_enabled",
    },
    "ReviewSessionInvitee": {
        "user": Related("email", "User", "email"),
        "invitation_status": Computed("last_sent_at", {"sent": "is_not none", "pending": "is none"}),
    },
    "Note": {
        "text": "content",
        "frame": "frame_number",
        "review_session_object": Related("parent_id", "ReviewSessionObject", "id"),
        "review_session_object_id": "parent_id",
    },
    "FileComponent": {
        "review_session_object": "version.review_session_objects",
        "review_session_object_id": "version.review_session_objects.id",
    },
}
