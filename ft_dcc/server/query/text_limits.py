"""Limits of the text of a query, which are checked before it is parsed."""

from __future__ import annotations

import re

from ft_dcc.server.errors import ParseError

# Literals are not part of a template: a query for 50,000 ids has a short one.
MAX_EXPRESSION_LENGTH, MAX_TEMPLATE_LENGTH = 2 << 20, 64 << 10
MAX_DEPTH, MAX_PATH_STEPS, MAX_ESCAPES = 64, 16, 10_000
_LONG_PATH = re.compile(rf"\w(?:[^\s.()]{{0,200}}\.){{{MAX_PATH_STEPS}}}")


def check_expression(expression: str) -> None:
    """Raise ParseError for an expression that is too long to look for its literals."""
    if len(expression) > MAX_EXPRESSION_LENGTH:
        raise ParseError("The query is too long. Select fewer entities at once.")
    # The search for literals takes a step for each, and nothing else runs meanwhile.
    if expression.count("\\") > MAX_ESCAPES:
        raise ParseError(f"The query has more than {MAX_ESCAPES} backslashes. Select fewer entities at once.")


def check_template(text: str) -> None:
    """Raise ParseError for a template that is too long, nested too deeply, or has too long a path."""
    if len(text) > MAX_TEMPLATE_LENGTH:
        raise ParseError(f"The query has more than {MAX_TEMPLATE_LENGTH} characters without its literals. Split it.")
    if text.count("(") > MAX_DEPTH:
        _check_depth(text)
    if text.count(".") >= MAX_PATH_STEPS and (found := _LONG_PATH.search(text)):
        raise ParseError(
            f"The query cannot be read at character {found.start() + 1}: a path has at most {MAX_PATH_STEPS} steps."
        )


def _check_depth(text: str) -> None:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth > MAX_DEPTH:
            raise ParseError(f"The query is nested too deeply: more than {MAX_DEPTH} parentheses. Split it.")
