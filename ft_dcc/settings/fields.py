"""The fields of rules and templates: one set for names, paths, burn-ins and slates, with formats as {version:04}."""

from __future__ import annotations

import datetime
import re
import string
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Callable

from ft_dcc import errors

# What is known of a task, of its sources, and of the version with its frames.
TASK_FIELDS = ("project", "episode", "sequence", "shot", "task", "department", "user", "artist", "date")
SOURCE_FIELDS = (*TASK_FIELDS, "source", "camera", "scene")
VERSION_FIELDS = (*SOURCE_FIELDS, "asset", "version")
FRAME_FIELDS = (*VERSION_FIELDS, "comment", "lens", "frame", "timecode", "range", "cut", "fps", "resolution")
# A field, and its format.
FIELD = re.compile(r"\{([\w.]*)(?::([^{}]*))?\}")
# A custom attribute of one of these: {shot.NAME}.
ATTRIBUTE = re.compile(r"(project|episode|sequence|shot|task|version)\.\w+")
# What Windows does not allow in a name, and the names of its devices.
_INVALID = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICES = re.compile(r"(CON|PRN|AUX|NUL|COM\d|LPT\d)(\..*)?", re.IGNORECASE)


class VersionNumber(int):
    """The number of a version, by default with a v and three digits.

    >>> f"{VersionNumber(12)} {VersionNumber(12):04}"
    'v012 0012'
    """

    def __format__(self, form: str) -> str:
        return format(int(self), form) if form else f"v{int(self):03d}"


_SAMPLES: Mapping[str, Any] = {"version": VersionNumber(1), "date": datetime.date(2026, 1, 31), "frame": 1001}


def formatted(field: str, value: Any, form: str) -> str:
    """Return the text of a value in a format; raise SettingInvalid for a format that does not fit the value."""
    try:
        return format("" if value is None else value, form)
    except (ValueError, TypeError) as error:
        raise errors.SettingInvalid(f"{{{field}:{form}}} cannot be written for {str(value)!r}: {error}.") from error


def check_fields(known: tuple[str, ...], *, is_rule: bool = False) -> Callable[[str], None]:
    """Return a check for templates with these fields, and for the custom attributes of all but a new version.

    In a rule a brace that is no field is a mistake. The check raises SettingInvalid, which names the known fields.
    """

    def check(text: str) -> None:
        try:
            if is_rule:
                list(string.Formatter().parse(text))
        except ValueError as error:
            raise errors.SettingInvalid(f"{text!r} is not a valid rule: {error}.") from error
        for name, form in FIELD.findall(text):
            attribute = ATTRIBUTE.fullmatch(name)
            if attribute is not None and (attribute[1] != "version" or "version" in known):
                continue
            if name not in known:
                hint = errors.nearest_hint(f"{{{name}}}", (f"{{{each}}}" for each in known), 0.6, "")
                listed = f"Known fields: {', '.join(known)}, and attributes such as shot.fstart."
                raise errors.SettingInvalid(
                    f"{text!r} contains the unknown field {{{name}}}. {hint} {listed}".replace("  ", " ")
                )
            formatted(name, _SAMPLES.get(name, "text"), form)

    return check


def attribute_fields(templates: Iterable[str | None]) -> list[str]:
    """Return the custom attributes that templates name, such as "shot.fstart"."""
    names = (name for template in templates for name, _ in FIELD.findall(template or ""))
    return sorted({name for name in names if ATTRIBUTE.fullmatch(name)})


def uses_field(template: str, field: str) -> bool:
    """Return whether the template has the field, in any format."""
    return any(name == field for name, _ in FIELD.findall(template))


def fill(rule: str, values: Mapping[str, Any], check: Callable[[str, str], None] = lambda field, text: None) -> str:
    """Return the rule with its values, each of which ``check`` gets; raise KeyError, ValueError and SettingInvalid."""
    parts = []
    for literal, field, form, _ in string.Formatter().parse(rule):
        parts.append(literal)
        if field is not None:
            parts.append(formatted(field, values[field], form or ""))
            check(field, parts[-1])
    return "".join(parts)


def check_path_rule(known: tuple[str, ...]) -> Callable[[str], None]:
    """Return a check for rules for paths: with a file name, and not out of the root; it raises SettingInvalid."""
    check = check_fields(known, is_rule=True)

    def check_rule(text: str) -> None:
        check(text)
        parts = re.split(r"[\\/]", text)
        if ".." in parts or not parts[-1]:
            raise errors.SettingInvalid(
                f"{text!r} is not a rule for a file below a root. Write folders and a name, without '..'."
            )

    return check_rule


def fill_path(rule: str, values: Mapping[str, Any]) -> str:
    """Return the path of a rule with the values of its fields; raise UserFixableError for one that no name can have.

    >>> fill_path("{shot}/{shot}_{version:02}.mp4", {"shot": "sh010", "version": VersionNumber(2)})
    'sh010/sh010_02.mp4'
    """
    path = fill(rule, values, partial(_check_value, rule))
    for part in re.split(r"[\\/]", path):
        if part.endswith((".", " ")) or is_device(part):
            raise errors.UserFixableError(
                f"{part!r} in {path} cannot be the name of a file or folder on Windows. Change the rule or the name."
            )
    return path


def _check_value(rule: str, field: str, value: str) -> None:
    """Raise UserFixableError for the value of a field of the rule that no name can have."""
    if not value.strip() or value in (".", ".."):
        raise errors.UserFixableError(
            f"The rule {rule} needs {{{field}}}, which is {value!r} here. Set it, or change the rule."
        )
    found = _INVALID.search(value)
    if found:
        raise errors.UserFixableError(
            f"{field} {value!r} contains {found[0]!r}, which a path cannot have on every system. Rename it, or change "
            f"the rule {rule}."
        )


def is_device(name: str) -> bool:
    """Return whether Windows takes the name of a file, also with a suffix, for one of its devices."""
    return _DEVICES.fullmatch(name.rstrip(" ")) is not None


def with_date(template: str) -> str:
    """Replace ``{date}`` by the present day, also in a format such as ``{date:%y%m%d}``."""
    today = datetime.date.today()
    return FIELD.sub(
        lambda found: formatted("date", today, found[2] or "") if found[1] == "date" else found[0], template
    )
