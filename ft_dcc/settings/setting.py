"""One setting, and the checks of the values of settings."""

from __future__ import annotations

import re
from typing import Callable

import attrs

from ft_dcc import errors, frames

Check = Callable[[str], object]


@attrs.frozen
class _OneOf:
    names: tuple[str, ...]

    def __call__(self, text: str) -> None:
        """Raise SettingInvalid for another text."""
        if text not in self.names:
            raise errors.SettingInvalid(f"{text!r} is not one of {', '.join(self.names)}.")


def one_of(*names: str) -> Check:
    """Return a check that accepts these values only."""
    return _OneOf(names)


def _number_of(unit: str, pattern: str, example: int) -> Check:
    def check(text: str) -> None:
        if not re.fullmatch(pattern, text):
            raise errors.SettingInvalid(f"{text!r} is not a number of {unit}. Write it as {example}.")

    return check


# A positive number.
check_minutes = _number_of("minutes", r"(?=.*[1-9])\d{1,6}(\.\d+)?", 30)
check_threads = _number_of("threads", r"[1-9]\d{0,2}", 4)


def check_boolean(text: str) -> None:
    """Raise SettingInvalid for another text than true and false."""
    if text not in ("true", "false"):
        raise errors.SettingInvalid(f"{text!r} is not a boolean. Write true or false.")


@attrs.frozen
class Setting:
    """One setting.

    ``default_label`` describes a default that is not a fixed value. A setting with a ``separator`` takes several
    values: an array in a file, one separated string elsewhere. A setting that ``needs_trusted_file`` could send a key
    to another server or run code, so it is refused in an auto-discovered file.
    """

    name: str
    help: str
    default: str | None = None
    default_label: str = ""
    check: Check | None = None
    separator: str | None = None
    is_secret: bool = False
    is_path: bool = False
    needs_trusted_file: bool = False
    _environment: tuple[str, ...] = attrs.field(default=(), kw_only=True)

    @property
    def environment(self) -> tuple[str, ...]:
        """Its variables in order of precedence, by default FT_DCC_ and its name."""
        return self._environment or (f"FT_DCC_{self.name.upper()}",)

    @property
    def is_boolean(self) -> bool:
        """Whether the setting is ``true`` or ``false``."""
        return self.check is check_boolean

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a setting that accepts no others; empty for one with any text, and for true and false."""
        return self.check.names if isinstance(self.check, _OneOf) else ()

    @property
    def unit(self) -> str:
        """What the number counts; empty for other settings."""
        return {check_minutes: "minutes", check_threads: "threads"}.get(self.check, "") if self.check else ""

    @property
    def is_number(self) -> bool:
        """Whether a file may contain the value as a number."""
        return self.check in (check_minutes, frames.aspect_ratio, check_threads)


def switch(name: str, help: str) -> Setting:
    """Return a setting that is true or false, by default false."""
    return Setting(name, help, "false", check=check_boolean)
