"""One run of ffmpeg: pictures and sounds go in, one film comes out."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Callable

import attrs

from ft_dcc.errors import EncodeFailed, Error
from ft_dcc.frames import Resolution
from ft_dcc.media import burnin, colour, encoders, ffmpeg, sound
from ft_dcc.media.burnin import Burnin, Pictures
from ft_dcc.media.encoders import SOFTWARE, Encoder
from ft_dcc.media.facts import FilmFacts, Media
from ft_dcc.media.ffmpeg import Feed, Finished, IsCancelled, OnLine
from ft_dcc.media.presets import REVIEW, Output
from ft_dcc.media.probe import count_pictures
from ft_dcc.media.sound import Sound

OnFrame = Callable[[int], None]
Judge = Callable[[Finished], None]
SCRIPT, _FONT = "burnin.ass", Path(__file__).parent / "fonts" / "DejaVuSans.ttf"


@attrs.frozen
class Take:
    """What to film, and how.

    ``arguments`` make ffmpeg read the pictures, ``filters`` bring them to where the matrix can be converted.
    ``own_sound`` is the second of the film at which the clock of the pictures' own sound reads 0, if they have any.
    ``feed`` writes what ffmpeg reads from a pipe.
    """

    source: str
    arguments: list[str]
    filters: list[str]
    pictures: Pictures
    output: Output
    burnin: Burnin = attrs.field(factory=Burnin)
    sounds: Sequence[Sound] = ()
    own_sound: Fraction | None = None
    feed: Feed | None = None

    @property
    def size(self) -> Resolution:
        """The size of the film."""
        return self.output.size(self.pictures.shape)

    @property
    def count(self) -> int:
        """How many pictures the film has, with the slate."""
        return len(self.pictures.numbers) + self.burnin.lead

    @property
    def changes_nothing(self) -> bool:
        """Whether the film would be a review film of the same size with nothing added."""
        is_plain = not (self._is_drawn_on or self.sounds)
        return is_plain and self.output is REVIEW

    def command(self, target: Path, encoder: Encoder = SOFTWARE) -> list[str]:
        """Every argument of ffmpeg."""
        pictures, fps = self.pictures, self.pictures.fps
        drawing = burnin.filters(self.burnin, self.size, fps, SCRIPT) if self._is_drawn_on else []
        review = colour.to_review(pictures.resolution, self.size, self.output.pixel_format)
        handing_over = encoder.filters if self.output.codec is None else ()
        chains = [f"[0:V:0]{','.join((*self.filters, *review, *drawing, colour.TAGS, *handing_over))}[picture]"]
        first = burnin.timecode(pictures.numbers[0] - self.burnin.lead, fps)
        outputs = ["-map", "[picture]", "-timecode", first]
        starts = self._sound_starts()
        if starts:
            chains += sound.mixed(starts, self.count / fps)
            outputs += ["-map", "[sound]", *sound.ENCODING]
        inputs = [*encoder.device, *self.arguments, *(argument for one in self.sounds for argument in one.arguments())]
        return [
            *inputs,
            "-filter_complex",
            ";".join(chains),
            *outputs,
            *self.output.arguments(fps, encoder.codec),
            ffmpeg.file_url(target),
        ]

    def _sound_starts(self) -> list[tuple[str, Fraction, list[str]]]:
        fps, lead = self.pictures.fps, self.burnin.lead
        first = self.pictures.numbers[0] - lead
        own: list[tuple[str, Fraction, list[str]]] = []
        if self.own_sound is not None:
            own = [("0:a:0", self.own_sound + lead / fps, [])]
        others = enumerate(self.sounds, 1)
        return [*own, *((f"{i}:a:0", (one.start - first) / fps, one.filters(first, fps)) for i, one in others)]

    def film(
        self,
        path: Path,
        on_frame: OnFrame | None,
        is_cancelled: IsCancelled | None,
        on_line: OnLine | None = None,
        judge: Judge | None = None,
    ) -> Media:
        """``path`` is the film; ``judge`` may refuse it after the run.

        A hardware encoder that fails leaves the film to x264.
        """
        tell = self._telling(on_frame)

        def shoot(unfinished: Path, folder: Path | None, encoder: Encoder) -> Error | None:
            command = self.command(unfinished, encoder)
            finished = ffmpeg.run(
                command, folder=folder, feed=self.feed, on_line=on_line, on_count=tell, is_cancelled=is_cancelled
            )
            if judge:
                judge(finished)
            return self._flaw(unfinished, finished)

        with ffmpeg.replacing(path) as unfinished, self._stage(path.parent) as folder:
            encoder, remark = self._choose(path.parent, is_cancelled)
            flaw = shoot(unfinished, folder, encoder)
            if isinstance(flaw, EncodeFailed) and encoder is not SOFTWARE:
                hardware, reason = encoder, str(flaw)
                encoder, remark, flaw = SOFTWARE, f"{hardware.name}: {reason}", shoot(unfinished, folder, SOFTWARE)
                if flaw is None:
                    # What x264 can make of the same pictures was not their fault.
                    encoders.remember(hardware, reason)
            if flaw:
                raise flaw
        made_by = encoder.name if self.output.codec is None else ""
        return attrs.evolve(self._media(path), encoder=made_by, remark=remark)

    def _choose(self, folder: Path, is_cancelled: IsCancelled | None) -> tuple[Encoder, str]:
        return encoders.choose(folder, is_cancelled) if self.output.codec is None else (SOFTWARE, "")

    def copy(self, film: Path, path: Path, on_frame: OnFrame | None) -> Media:
        """``path`` is the film that was given, byte for byte."""
        with ffmpeg.replacing(path) as unfinished, ffmpeg.naming_the_folder(path.parent):
            shutil.copyfile(film, unfinished)
        self._telling(on_frame)(self.count)
        return self._media(path)

    def _media(self, path: Path) -> Media:
        name, lead, filled = self.output.component_name, self.burnin.lead, tuple(self.pictures.filled)
        return Media(path, name, self.size, self.pictures.fps, self.count, path.stat().st_size, lead, filled)

    @property
    def _is_drawn_on(self) -> bool:
        return self.burnin.is_drawn or bool(self.pictures.filled)

    @contextlib.contextmanager
    def _stage(self, folder: Path) -> Iterator[Path | None]:
        """Lend a folder with what ffmpeg draws, if it draws."""
        if not self._is_drawn_on:
            yield None
            return
        with staged(burnin.script(self.burnin, self.pictures, self.size), folder) as stage:
            yield stage

    def _telling(self, on_frame: OnFrame | None) -> ffmpeg.OnCount:
        """Return what turns a number of pictures into the numbers of the frames that are new."""
        done = 0

        def tell(count: int) -> None:
            nonlocal done
            for number in self.pictures.numbers[done : max(0, count - self.burnin.lead)]:
                done += 1
                if on_frame:
                    on_frame(number)

        return tell

    def _flaw(self, target: Path, finished: Finished) -> Error | None:
        """Return why the file is not what was meant, if it is not; ffmpeg's exit code alone does not promise that."""
        if finished.returncode:
            return ffmpeg.explained(finished, self.source, target)
        count = count_pictures(target)
        if count == self.count:
            return None
        reason = f"The film of {self.source} holds {count} pictures, and {self.count} were meant. Try again."
        return EncodeFailed(reason, finished.log)


@contextlib.contextmanager
def staged(script: str, folder: Path) -> Iterator[Path]:
    """Lend a folder in ``folder`` with SCRIPT and the fonts: ffmpeg finds both, whatever its name."""
    with ffmpeg.naming_the_folder(folder):
        stage = tempfile.TemporaryDirectory(prefix=".burnin-", dir=folder)
    with stage as name:
        with ffmpeg.naming_the_folder(folder):
            Path(name, SCRIPT).write_text(script, encoding="utf-8")
            Path(name, burnin.FONTS).mkdir()
            shutil.copyfile(_FONT, Path(name, burnin.FONTS, _FONT.name))
        yield Path(name)


def film_filters(facts: FilmFacts) -> list[str]:
    """Return the filters that give each picture of a film its place, and bring it to where the matrix is converted."""
    # Counted anew, because a container's clock may round; each picture still has its place.
    return [f"settb={1 / facts.fps}", "setpts=N", f"fps={facts.fps}", *colour.of_film(facts)]
