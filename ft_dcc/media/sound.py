"""Sound in step with the pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc.errors import Unpublishable
from ft_dcc.media import ffmpeg

# Stereo of 48 kHz, which every browser plays; what has more channels is mixed down.
ENCODING = ("-c:a", "aac", "-b:a", "192k")
_PLACE = re.compile(r"@(-?\d+(?:\.\d+)?)$")
_IN_STEP = "aresample=48000:async=1:first_pts=0"
_FORM = "aformat=sample_rates=48000:channel_layouts=stereo"


@attrs.frozen
class Sound:
    """A sound file, and the frame at which it begins: before the range, in it, or after it.

    It is ``heard`` from the one frame on until the other begins, where it is cut; ``volume`` is 1.0 for as it is.
    """

    path: Path
    start: Fraction
    heard: tuple[Fraction, Fraction] | None = None
    volume: float = 1.0

    @classmethod
    def parse(cls, text: str, first_frame: int) -> Sound:
        """Read "music.wav", which begins with the first frame, or "music.wav@993", which begins at frame 993.

        >>> Sound.parse("a@b.wav@-12.5", 1001).start
        Fraction(-25, 2)
        """
        place = _PLACE.search(text)
        if place is None:
            return cls(Path(text), Fraction(first_frame))
        return cls(Path(text[: place.start()]), Fraction(place[1]))

    def arguments(self) -> list[str]:
        """Return ffmpeg's arguments for reading it: files only, and no playlists."""
        kinds = "wav,w64,aiff,flac,mp3,aac,ogg,mov,matroska,caf"
        return ["-protocol_whitelist", "file", "-format_whitelist", kinds, "-i", ffmpeg.file_url(self.path)]

    def refuse_unreadable(self) -> None:
        """Its beginning has been decoded; raises Unpublishable for a file that is not there or holds no sound."""
        if not self.path.is_file():
            raise Unpublishable(f"The sound {self.path} is not on disk. Find the file, mute it, or leave it out.")
        finished = ffmpeg.run([*self.arguments(), "-map", "0:a:0", "-frames:a", "1", "-f", "null", "-"])
        if finished.returncode or finished.errors:
            reason = next(iter(finished.errors), "it holds none").rstrip(".")
            if "matches no streams" in reason:
                reason = "it holds none"
            elif "whitelist" in reason:
                reason = "it is of no kind that is read"
            raise Unpublishable(f"The sound {self.path} cannot be read: {reason}. Export it as a WAV file.")

    def filters(self, first: int, fps: Fraction) -> list[str]:
        """Return the filters that cut it and turn it down, in a film whose first picture has the number ``first``."""
        volume = [] if self.volume == 1.0 else [f"volume={self.volume:.6f}"]
        if self.heard is None:
            return volume
        begin, end = (max(Fraction(0), (frame - first) / fps) for frame in self.heard)
        # A cut of nothing would be no cut at all.
        return [f"atrim=start={float(begin):.9f}:end={float(end):.9f}", *volume] if end > begin else ["volume=0"]


def mixed(starts: Sequence[tuple[str, Fraction, list[str]]], length: Fraction) -> list[str]:
    """Return the chains that make [sound] of several inputs; it lasts from the first picture to the last.

    Each start is an input's label ("1:a:0"), the second of the film at which its clock reads 0, and what else is done
    to it.
    """
    chains = [
        # The first sample belongs to the second 0: what lies before it is cut, and silence fills what is missing.
        f"[{label}]{','.join((f'asetpts=PTS+({start})/TB', *filters, _IN_STEP, _FORM))}[sound{number}]"
        for number, (label, start, filters) in enumerate(starts)
    ]
    inputs = "".join(f"[sound{number}]" for number in range(len(starts)))
    # Not normalised, because each sound is to be as loud as it was.
    mix = f"amix=inputs={len(starts)}:normalize=0," if len(starts) > 1 else ""
    return [*chains, f"{inputs}{mix}apad,atrim=end={float(length):.9f}[sound]"]
