"""Translate the names of published documents in queries, at any depth, with every operator.

The expression is read as the tree of its conditions: each path is resolved from the entity type that it starts at. A
name that no condition of the schema can express is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Union

from ft_dcc.errors import OperationError
from ft_dcc.files.sequences import IMAGE_SUFFIXES, MOVIE_SUFFIXES
from ft_dcc.session.entity_types.doc_attributes import TYPE_ALIASES
from ft_dcc.session.query.expression import quoted

_PART = re.compile(
    r"""\s+|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[A-Za-z_]\w*(?:\[\w+\])?(?:\.\w+(?:\[\w+\])?)*|[<>!]?=|[<>]|[(),]|"""
    r"""[^\s()",'<>!=]+|.""",
    re.DOTALL,
)
_WORDS = re.compile(
    r"\b(name|description|status|is_public|text|user|system_type|review_session_object\w*|Version|Rev\w+)\b"
)
_POSITIVE = {"is": "is", "=": "is", "in": "in", "like": "like"}
_NEGATIVE = {"is_not": "is", "!=": "is", "not_in": "in", "not_like": "like"}
_ORDERED = frozenset(("<", ">", "<=", ">=", "after", "before", "greater_than", "less_than"))
_RELATED = frozenset(("any", "has"))
_OPERATORS = _POSITIVE.keys() | _NEGATIVE.keys() | _ORDERED | _RELATED
_CLAUSES = frozenset(("order", "group", "limit", "offset"))
# No version has a higher number.
_MAX_VERSION = 9_999

# Returns the condition on a path, for an operator and its values.
Compare = Callable[[str, str, "list[str]"], str]


class Computed(NamedTuple):
    """A name whose values are computed from a column: the column and the translation of conditions."""

    column: str
    compare: Compare


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
        self._parts = _PART.findall(expression)
        self._types = types
        self._at = 0

    def query(self) -> str:
        """Translate a query or a subquery, up to its end or its closing parenthesis."""
        start = self._space()
        projections: list[str] = []
        if self._peek() == "select":
            projections = self._until_from()
        elif self._peek() == "":
            return start
        name = self._next()
        context = name
        text = start + self._projections(projections, context) + self._type_name(name) + self._space()
        if self._peek() == "where":
            text += self._next() + self._conditions(context)
        return text + self._rest(context)

    def _until_from(self) -> list[str]:
        """Read the projections, up to and with the word from, and the space after it."""
        depth, end = 0, None
        for index in range(self._at, len(self._parts)):
            part = self._parts[index]
            depth += (part == "(") - (part == ")")
            if depth < 0 or (depth == 0 and part == "where"):
                break
            if depth == 0 and part == "from":
                end = index
        if end is None:
            return []
        found, self._at = self._parts[self._at : end + 1], end + 1
        return [*found, self._space()]

    def _projections(self, parts: list[str], context: str) -> str:
        head, tail = parts[:1], parts[-2:]
        return "".join([*head, *(self._column(part, context) for part in parts[1:-2]), *tail])

    def _column(self, part: str, context: str | None) -> str:
        """Return the column of a path that is selected or sorted by."""
        if re.match(r"[A-Za-z_]", part) is None:
            return part
        path, _, alias, rest = self._resolve(part, context)
        if isinstance(alias, Related):
            if rest:
                raise OperationError(
                    f"{part!r} cannot be selected or sorted by. Query the {alias.entity_type} instead."
                )
            return _joined(path, alias.key)
        return _joined(path, alias.column) if isinstance(alias, Computed) else path

    def _rest(self, context: str) -> str:
        """Translate what follows the conditions."""
        parts, follows_by = [], False
        while self._peek() not in ("", ")"):
            part = self._next()
            if part in ("limit", "offset"):
                follows_by = False
            parts.append(self._column(part, context) if follows_by and part not in _DIRECTIONS else part)
            follows_by = follows_by or part == "by"
        return "".join(parts)

    def _conditions(self, context: str | None) -> str:
        parts = []
        while (part := self._peek()) not in ("", ")"):
            if part == "(":
                parts.append(self._next() + self._conditions(context) + self._next())
            elif part in ("and", "or", "not") or part.isspace() or not re.match(r"[A-Za-z_]", part):
                parts.append(self._next())
            elif part in _CLAUSES and self._operator_after() not in _OPERATORS:
                break
            else:
                parts.append(self._condition(context))
        return "".join(parts)

    def _operator_after(self) -> str:
        following = (part for part in self._parts[self._at + 1 :] if not part.isspace())
        return next(following, "")

    def _condition(self, context: str | None) -> str:
        index = self._at
        written = self._next()
        path, target, alias, rest = self._resolve(written, context)
        before = self._space()
        operator = self._peek()
        if operator not in _OPERATORS:
            return written + before
        self._next()
        gap = self._space()
        if isinstance(alias, Related):
            return self._related(path, alias, rest, operator, index)
        if operator in _RELATED:
            if isinstance(alias, Computed):
                raise OperationError(f"{written!r} is a value and has no attributes. Compare it.")
            return f"{path}{before}{operator}{gap}{self._next()}{self._conditions(target)}{self._next()}"
        if operator in ("in", "not_in") and self._is_subquery():
            if isinstance(alias, Computed):
                raise OperationError(f"{written!r} cannot be compared with the result of a query. List its values.")
            return f"{path}{before}{operator}{gap}{self._next()}{self.query()}{self._next()}"
        return self._compared(written, path, alias, operator, before, gap)

    def _compared(self, written: str, path: str, alias: Alias | None, operator: str, before: str, gap: str) -> str:
        start = self._at
        values = self._values()
        if isinstance(alias, Computed):
            try:
                return alias.compare(_joined(path, alias.column), operator, values)
            except _Untranslatable as error:
                raise OperationError(
                    f"{written!r} cannot be compared like this: {operator} {values[0]}. {error}"
                ) from None
        return f"{path}{before}{operator}{gap}{''.join(self._parts[start : self._at])}"

    def _related(self, path: str, alias: Related, rest: str, operator: str, index: int) -> str:
        """Translate a condition on an entity that the schema does not relate, to one on its key."""
        key = _joined(path, alias.key)
        if operator in _RELATED and not rest:
            self._next()
            inner = self._conditions(alias.entity_type).strip()
            self._next()
        elif rest in ("", alias.attribute):
            if operator in ("in", "not_in") and self._is_subquery():
                return f"{key} {operator} {self._next()}{self.query()}{self._next()}"
            start = self._at
            self._values()
            return f"{key} {operator} {''.join(self._parts[start : self._at])}"
        else:
            # The condition is read again, from the other type.
            self._parts[index], self._at = rest, index
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
                context = self._target(context, name)
        return ".".join(found), context, None, ""

    def _alias(self, context: str | None, name: str) -> Alias | None:
        if context is None:
            return None
        is_own_type = context in TYPE_ALIASES and context not in self._types.schemas
        schema_type = TYPE_ALIASES[context] if is_own_type else context
        own = {**_ALIASES.get(schema_type, {}), **(_ALIASES.get(context, {}) if is_own_type else {})}
        is_known = name.partition("[")[0] in self._types.schemas.get(schema_type, {}).get("properties", {})
        if is_known and not (is_own_type and name in _ALIASES.get(context, {})):
            return None
        return own.get(name)

    def _target(self, context: str | None, name: str) -> str | None:
        """Return the type that an attribute of a type leads to, or None."""
        if context not in self._types.schemas and context in TYPE_ALIASES:
            context = TYPE_ALIASES[context]
        properties = self._types.schemas.get(context, {}).get("properties", {})
        attribute = properties.get(name.partition("[")[0], {})
        found = attribute.get("$ref") or (attribute.get("items") or {}).get("$ref")
        return str(found) if found else None

    def _type_name(self, name: str) -> str:
        return TYPE_ALIASES[name] if name in TYPE_ALIASES and name not in self._types.schemas else name

    def _is_subquery(self) -> bool:
        """Return whether the parenthesis at the present position contains a query."""
        inner = [part for part in self._parts[self._at + 1 : self._at + 6] if not part.isspace()]
        return self._peek() == "(" and (inner[:1] == ["select"] or inner[1:2] == ["where"])

    def _values(self) -> list[str]:
        """Read a value, or the list of values in a parenthesis."""
        if self._peek() != "(":
            return [self._value()]
        self._next()
        found = []
        while self._peek() not in (")", ""):
            part = self._peek()
            if part == "," or part.isspace():
                self._next()
            else:
                found.append(self._value())
        self._next()
        return found

    def _value(self) -> str:
        value = self._next()
        while (
            value[:1] not in "\"'"
            and (following := self._peek()) not in ("", "(", ")", ",")
            and not following.isspace()
        ):
            value += self._next()
        return value

    def _space(self) -> str:
        return self._next() if self._peek().isspace() else ""

    def _peek(self) -> str:
        return self._parts[self._at] if self._at < len(self._parts) else ""

    def _next(self) -> str:
        part = self._peek()
        self._at += 1
        return part


class _Untranslatable(Exception):
    """A condition that cannot be expressed with the columns of the schema; the text says what can be used."""


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _text(value: str) -> str:
    """Return the text of a value, which may be quoted."""
    return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL) if value[:1] in ("'", '"') else value


def _pattern(value: str) -> re.Pattern[str]:
    """Return the pattern of like: % is any text, _ any character, and a backslash makes the next one literal."""
    parts = re.findall(r"\\?.", _text(value), re.DOTALL)
    known = {"%": ".*", "_": "."}
    return re.compile("".join(known.get(part) or re.escape(part[-1]) for part in parts), re.IGNORECASE | re.DOTALL)


def _negatable(operator: str, values: list[str], positive: Callable[[str, list[str]], str]) -> str:
    """Return the condition of an operator, or the negation of that of its opposite."""
    if operator in _POSITIVE:
        return positive(_POSITIVE[operator], values)
    if operator in _NEGATIVE:
        return f"not ({positive(_NEGATIVE[operator], values)})"
    raise _Untranslatable("Use is, is_not, in, not_in, like or not_like.")


def _compare_version(path: str, operator: str, values: list[str]) -> str:
    numbers = [_version_number(value) for value in values]
    if operator in ("in", "not_in") and None not in numbers and numbers:
        return f"{path} {operator} ({', '.join(map(str, numbers))})"
    if operator not in ("like", "not_like", "in", "not_in") and (numbers[0] is not None or values[0] == "none"):
        return f"{path} {operator} {values[0] if numbers[0] is None else numbers[0]}"

    def positive(kind: str, values: list[str]) -> str:
        if kind != "like":
            known = [str(number) for number in map(_version_number, values) if number is not None]
            return f"{path} in ({', '.join(known)})" if known else f"({path} is none and {path} is_not none)"
        pattern = _pattern(values[0])
        return _in_ranges(path, [number for number in range(_MAX_VERSION + 1) if pattern.fullmatch(f"v{number:03d}")])

    if operator in _ORDERED:
        raise _Untranslatable("The name of a version is v and its number, like v001.")
    return _negatable(operator, values, positive)


def _version_number(value: str) -> int | None:
    digits = re.fullmatch(r"(?:v|version )?0*(\d+)", _text(value), re.IGNORECASE)
    return int(digits[1]) if digits else None


def _in_ranges(path: str, numbers: list[int]) -> str:
    """Return the condition that the value is one of these sorted numbers."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    if not ranges:
        return f"({path} is none and {path} is_not none)"
    if ranges == [[0, _MAX_VERSION]]:
        return f"{path} is_not none"
    return "(" + " or ".join(f"({path} >= {first} and {path} <= {last})" for first, last in ranges) + ")"


def _compare_status(path: str, operator: str, values: list[str]) -> str:
    def positive(kind: str, values: list[str]) -> str:
        patterns = [
            _pattern(value) if kind == "like" else re.compile(re.escape(_text(value)), re.I) for value in values
        ]
        conditions = {"Open": f"{path} is true", "Closed": f"{path} is false"}
        found = [text for name, text in conditions.items() if any(each.fullmatch(name) for each in patterns)]
        if not found:
            return f"({path} is true and {path} is false)"
        return found[0] if len(found) == 1 else f"({' or '.join(found)})"

    if operator in _NEGATIVE and len(values) == 1 and _text(values[0]).lower() in ("open", "closed"):
        other = "Closed" if _text(values[0]).lower() == "open" else "Open"
        return positive("is", [other])
    return _negatable(operator, values, positive)


_MEDIA_SUFFIXES = {"video": MOVIE_SUFFIXES, "image": IMAGE_SUFFIXES}


def _compare_media(path: str, operator: str, values: list[str]) -> str:
    def positive(kind: str, values: list[str]) -> str:
        patterns = [
            _pattern(value) if kind == "like" else re.compile(re.escape(_text(value)), re.I) for value in values
        ]
        kinds = [name for name in _MEDIA_SUFFIXES if any(each.fullmatch(name) for each in patterns)]
        suffixes = sorted(suffix for name in kinds for suffix in _MEDIA_SUFFIXES[name])
        if not suffixes:
            return f"({path} is none and {path} is_not none)"
        return f"{path} in ({', '.join(map(quoted, suffixes))})"

    return _negatable(operator, values, positive)


_DIRECTIONS = frozenset(("asc", "ascending", "desc", "descending", "order", "group", "by", "limit", "offset"))
_ALIASES: Mapping[str, Mapping[str, Alias]] = {
    "AssetVersion": {"name": Computed("version", _compare_version), "description": "comment"},
    "ReviewSession": {"status": Computed("is_open", _compare_status), "is_public": "shareable_url_enabled"},
    "ReviewSessionInvitee": {"user": Related("email", "User", "email")},
    "Note": {
        "text": "content",
        "review_session_object": Related("parent_id", "ReviewSessionObject", "id"),
        "review_session_object_id": "parent_id",
    },
    "FileComponent": {
        "review_session_object": "version.review_session_objects",
        "review_session_object_id": "version.review_session_objects.id",
    },
    "ReviewSessionObjectComponent": {"system_type": Computed("file_type", _compare_media)},
}
