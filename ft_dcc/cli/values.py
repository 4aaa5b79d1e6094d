"""Option types: the text forms of the suite's own values."""

from __future__ import annotations

import datetime
from typing import Any, Callable

import click

from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import FrameRange, Resolution, frame_rate


class _Value(click.ParamType):  # type: ignore[type-arg] # not subscriptable in every click that we take
    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except SettingInvalid as error:
            self.fail(str(error), param, ctx)


def _moment(text: str) -> datetime.datetime:
    """Return a time as people here write it: in the zone of this machine, unless it names one."""
    try:
        # fromisoformat() reads the Z of ISO 8601 only since Python 3.11.
        return datetime.datetime.fromisoformat(text.strip().replace("Z", "+00:00")).astimezone(datetime.timezone.utc)
    except ValueError as error:
        raise SettingInvalid(f"'{text}' is no time. Write it as 2026-12-24 or '2026-12-24 18:00'.") from error


FRAME_RANGE = _Value("range", FrameRange.parse)
FRAME_RATE = _Value("rate", frame_rate)
RESOLUTION = _Value("size", Resolution.parse)
MOMENT = _Value("time", _moment)
