"""Convert between Maya's names for frame rates and exact rates.

Source: Autodesk's documentation of ``currentUnit``; ``ntsc`` is 30 frames per second there, and 29.97fps has its own
name.
"""

from __future__ import annotations

import re
from fractions import Fraction

from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import frame_rate

_NAMED_UNITS = {
    "hour": Fraction(1, 3600),
    "min": Fraction(1, 60),
    "sec": Fraction(1),
    "millisec": Fraction(1000),
    "game": Fraction(15),
    "film": Fraction(24),
    "pal": Fraction(25),
    "ntsc": Fraction(30),
    "show": Fraction(48),
    "palf": Fraction(50),
    "ntscf": Fraction(60),
}
# The other rates of Maya's menu; 29.97df numbers its frames differently and runs at the same rate.
_NUMBERED_UNITS = (
    *("23.976fps", "29.97fps", "47.952fps", "59.94fps"),
    *(f"{number}fps" for number in (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 40, 75, 80, 90, 100, 120, 125, 150)),
    *(f"{number}fps" for number in (200, 240, 250, 300, 375, 400, 500, 600, 750)),
)
_NUMBER_PATTERN = re.compile(r"(\d+(?:\.\d+)?)(?:fps|df)")


def rate_from_unit(unit: str) -> Fraction:
    """Return the exact rate of a time unit; raise SettingInvalid for an unknown one."""
    if unit in _NAMED_UNITS:
        return _NAMED_UNITS[unit]
    number = _NUMBER_PATTERN.fullmatch(unit)
    if number is None:
        raise SettingInvalid(f"The scene's time unit {unit!r} is not known. Choose a frame rate in Maya's preferences.")
    return frame_rate(number[1])


def unit_from_rate(rate: Fraction) -> str:
    """Return Maya's name for a rate; raise SettingInvalid if there is none."""
    for unit in (*_NAMED_UNITS, *_NUMBERED_UNITS):
        if rate_from_unit(unit) == rate:
            return unit
    raise SettingInvalid(f"Maya has no time unit for {float(rate):.6g} fps. Choose another rate, such as 24 or 25.")
