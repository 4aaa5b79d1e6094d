"""One setting, and the checks of the values of settings."""

from __future__ import annotations

import re
import string
from typing import Callable

import attrs

from ft_dcc import errors, frames

Check = Callable[[str], None]


def rule(*fields: str) -> Check:
    """Return a check for templates that may contain these ``{fields}``."""

    def check(text: str) -> None:
        try:
            parts = [part for part in string.Formatter().parse(text) if part[1] is not None]
        except ValueError as error:
            raise errors.SettingInvalid(f"{text!r} is not a valid rule: {error}.") from error
        if any(name not in fields or form or conversion for _, name, form, conversion in parts):
            known = ", ".join(f"{{{field}}}" for field in fields)
            raise errors.SettingInvalid(f"{text!r} is not a valid rule. Use only {known}.")

    return check


def one_of(*names: str) -> Check:
    """Return a check that accepts these values only."""

    def check(text: str) -> None:
        if text not in names:
            raise errors.SettingInvalid(f"{text!r} is not one of {', '.join(names)}.")

    return check


def check_minutes(text: str) -> None:
    """Raise SettingInvalid for a text that is not a positive number of minutes."""
    if not re.fullmatch(r"\d{1,6}(\.\d+)?", text) or float(text) <= 0:
        raise errors.SettingInvalid(f"{text!r} is not a number of minutes. Write it as 30.")


def check_threads(text: str) -> None:
    """Raise SettingInvalid for a text that is not a number of threads."""
    if not re.fullmatch(r"[1-9]\d{0,2}", text):
        raise errors.SettingInvalid(f"{text!r} is not a number of threads. Write it as 4.")


def check_aspect_ratio(text: str) -> None:
    """Raise SettingInvalid for a text that is not an aspect ratio, such as 2.39 or 16:9."""
    frames.aspect_ratio(text)


def check_boolean(text: str) -> None:
    """Raise SettingInvalid for another text than true and false."""
    if text not in ("true", "false"):
        raise errors.SettingInvalid(f"{text!r} is not a boolean. Write true or false.")


@attrs.frozen
class Setting:
    """One setting; ``environment`` lists its variables in order of precedence, by default FT_DCC_ and its name.

    ``default_label`` describes a default that is not a fixed value. A setting with a ``separator`` takes several
    values: an array in a file, one separated string elsewhere. A setting that ``needs_trusted_file`` could send a key
    to another server or run code, so it is refused in an auto-discovered file.
    """

    name: str
    help: str
    default: str | None = None
    default_label: str = ""
    check: Check | None = None
    environment: tuple[str, ...] = attrs.field(
        default=attrs.Factory(lambda setting: (f"FT_DCC_{setting.name.upper()}",), takes_self=True), kw_only=True
    )
    separator: str | None = None
    is_secret: bool = False
    is_path: bool = False
    needs_trusted_file: bool = False

    @property
    def is_boolean(self) -> bool:
        """Whether the setting is ``true`` or ``false``."""
        return self.check is check_boolean

    @property
    def is_number(self) -> bool:
        """Whether a file may contain the value as a number."""
        return self.check in (check_minutes, check_aspect_ratio, check_threads)


def switch(name: str, help: str) -> Setting:
    """Return a setting that is true or false, by default false."""
    return Setting(name, help, "false", check=check_boolean)
