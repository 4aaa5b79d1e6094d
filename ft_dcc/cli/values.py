"""Option types: the text forms of the suite's own values."""

from __future__ import annotations

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


FRAME_RANGE = _Value("range", FrameRange.parse)
FRAME_RATE = _Value("rate", frame_rate)
RESOLUTION = _Value("size", Resolution.parse)
