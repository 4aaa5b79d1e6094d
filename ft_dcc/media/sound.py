"""Sound in sync with the frames."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc.errors import UserFixableError
from ft_dcc.media import ffmpeg
from ft_dcc.media.inspection import file_integrity

_START = re.compile(r"@(-?\d+(?:\.\d+)?)$")
# Without the maximum, ffmpeg would normalise a mixture of 5.1 for PCM only, and loud ones would be clipped in AAC.
_RESAMPLE = "aresample=48000:async=1:first_pts=0:rematrix_maxval=1"
# ffmpeg would make mono quieter by 3 dB, so mono remains mono, and more than two channels are mixed to stereo.
_FORMAT = "aformat=sample_rates=48000:channel_layouts=mono|stereo"
# Mono has the channel FC only, stereo has FL and FR only.
_STEREO = "pan=stereo|FL=FL+FC|FR=FR+FC"
# Of an input or of an output, in ffmpeg's log.
_TRACK = re.compile(r"Stream #(\d+):\d+.*?: Audio: .*? Hz, ([^,]+)")
_KEPT_LAYOUTS = ("mono", "stereo", "1 channels", "2 channels")


@attrs.frozen
class Sound:
    """A sound file, and the frame at which it starts: before the range, in it, or after it."""

    path: Path
    start: Fraction
    # The first frame with sound and the first one without, if it is cut.
    heard: tuple[Fraction, Fraction] | None = None
    # 1.0 is unchanged.
    volume: float = 1.0

    @classmethod
    def parse(cls, text: str, first_frame: int) -> Sound:
        """Parse "music.wav", which starts at the first frame, or "music.wav@993", which starts at frame 993.

        >>> Sound.parse("a@b.wav@-12.5", 1001).start
        Fraction(-25, 2)
        """
        start = _START.search(text)
        if start is None:
            return cls(Path(text), Fraction(first_frame))
        return cls(Path(text[: start.start()]), Fraction(start[1]))

    def arguments(self) -> list[str]:
        """Return ffmpeg's input arguments; playlists and URLs are not read."""
        formats = "wav,w64,aiff,flac,mp3,aac,ogg,mov,matroska,caf"
        return ["-protocol_whitelist", "file", "-format_whitelist", formats, "-i", ffmpeg.file_url(self.path)]

    def refuse_unreadable(self) -> None:
        """Decode the beginning; raise UserFixableError if the file is missing or contains no sound."""
        if not self.path.is_file():
            raise UserFixableError(f"The sound {self.path} does not exist. Find the file, mute it, or leave it out.")
        failure = file_integrity.read_failure(self.path)
        if failure is not None:
            raise UserFixableError(
                f"The sound {self.path} cannot be read: {failure}. Make the file readable, mute it, or leave it out."
            )
        finished = ffmpeg.run([*self.arguments(), "-map", "0:a:0", "-frames:a", "1", "-f", "null", "-"])
        if finished.returncode or finished.errors:
            reason = next(iter(finished.errors), "it contains no sound").rstrip(".")
            if "matches no streams" in reason:
                reason = "it contains no sound"
            elif "whitelist" in reason:
                reason = "its format is not supported"
            raise UserFixableError(f"The sound {self.path} cannot be read: {reason}. Export it as a WAV file.")

    def filters(self, first: int, fps: Fraction) -> list[str]:
        """Return the filters that cut the sound and set its volume, in a movie whose first frame is ``first``."""
        volume = [] if self.volume == 1.0 else [f"volume={self.volume:.6f}"]
        if self.heard is None:
            return volume
        begin, end = (max(Fraction(0), (frame - first) / fps) for frame in self.heard)
        # atrim ignores an empty interval.
        return [f"atrim=start={float(begin):.9f}:end={float(end):.9f}", *volume] if end > begin else ["volume=0"]


class TrackReader:
    """Reads the sound tracks of ffmpeg's inputs from its log, line by line."""

    def __init__(self) -> None:
        self._layouts: dict[int, list[str]] = {}
        self._is_after_inputs = False

    def read(self, line: str) -> None:
        """Read a line of ffmpeg's log."""
        self._is_after_inputs = self._is_after_inputs or "Output #" in line
        if not self._is_after_inputs and (found := _TRACK.search(line)):
            self._layouts.setdefault(int(found[1]), []).append(found[2])

    def changes(self, names: Mapping[int, str]) -> list[str]:
        """Return what differs from the sound of the used inputs, whose names are given by their indices."""
        changes = []
        for index, name in names.items():
            layouts = self._layouts.get(index, [])
            if len(layouts) > 1:
                changes.append(f"only the first of {len(layouts)} sound tracks of {name}")
            if layouts and layouts[0] not in _KEPT_LAYOUTS:
                changes.append(f"sound of {name} mixed down from {layouts[0]} to stereo")
        return changes


def mixed(starts: Sequence[tuple[str, Fraction, list[str]]], length: Fraction) -> list[str]:
    """Return the filter chains that mix several inputs to [sound] with the ``length`` of the movie in seconds.

    Each start is an input's label ("1:a:0"), the time in the movie at which its clock reads 0, and further filters.
    """
    chains = [
        # The first sample is at 0 s: earlier sound is cut, and gaps are filled with silence.
        f"[{label}]{','.join((f'asetpts=PTS+({start})/TB', *filters, _RESAMPLE, _FORMAT, _STEREO))}[sound{number}]"
        for number, (label, start, filters) in enumerate(starts)
    ]
    inputs = "".join(f"[sound{number}]" for number in range(len(starts)))
    # Not normalised, so that each sound keeps its volume.
    mix = f"amix=inputs={len(starts)}:normalize=0," if len(starts) > 1 else ""
    return [*chains, f"{inputs}{mix}apad,atrim=end={float(length):.9f}[sound]"]
