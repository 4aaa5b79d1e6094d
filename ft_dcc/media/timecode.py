"""Timecode of frames: non-drop-frame from a frame's number, or earlier than a given one."""

from __future__ import annotations

from fractions import Fraction


def earlier_timecode(text: str, frames: int, fps: Fraction) -> str:
    """Return the timecode of this many frames before a timecode; after ";" it is a drop-frame timecode.

    >>> earlier_timecode("10:00:00:00", 1, Fraction(25)), earlier_timecode("00:01:00;02", 1, Fraction(30000, 1001))
    ('09:59:59:24', '00:00:59;29')
    """
    if not frames:
        return text
    hours, minutes, seconds, number = map(int, text.replace(";", ":").split(":"))
    rate = round(fps)
    total = ((hours * 60 + minutes) * 60 + seconds) * rate + number
    if ";" not in text:
        return timecode(total - frames, fps)
    # Source: SMPTE ST 12-1: each minute except each tenth one leaves out the first numbers.
    dropped = rate // 15
    per_minute, per_ten = 60 * rate - dropped, 600 * rate - 9 * dropped
    all_minutes = 60 * hours + minutes
    tens, rest = divmod((total - dropped * (all_minutes - all_minutes // 10) - frames) % (144 * per_ten), per_ten)
    left_out = 9 * tens + (max(0, rest - dropped) // per_minute if rest >= dropped else 0)
    before, _, last = timecode(tens * per_ten + rest + dropped * left_out, fps).rpartition(":")
    return f"{before};{last}"


def timecode(frame: int, fps: Fraction) -> str:
    """Return the non-drop-frame timecode of a frame; frame 0 is midnight.

    >>> timecode(1001, Fraction(24000, 1001)), timecode(-1, Fraction(25)), timecode(7, Fraction(120))
    ('00:00:41:17', '23:59:59:24', '00:00:00:007')
    """
    rate = max(1, round(fps))
    seconds, rest = divmod(frame % (24 * 3600 * rate), rate)
    # From 101 fps on the frames have three digits, as in the timecode that ffmpeg writes.
    digits = max(2, len(str(rate - 1)))
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:0{digits}d}"
