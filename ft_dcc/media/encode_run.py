"""One run of ffmpeg, from frames and sounds to one movie."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Callable

import attrs

from ft_dcc.errors import EncodeFailed, Error
from ft_dcc.frames import Resolution
from ft_dcc.media import burnin, encoders, ffmpeg, ffmpeg_colour, frame_input, presets, slate, sound, timecode
from ft_dcc.media.burnin import Burnin, BurninTarget
from ft_dcc.media.encoders import SOFTWARE, Encoder
from ft_dcc.media.ffmpeg import Feed, Finished, IsCancelled, OnLine
from ft_dcc.media.fonts.font_files import BUNDLED, missing_remark
from ft_dcc.media.inspection import file_integrity, media_info
from ft_dcc.media.sound import Sound

OnFrame = Callable[[int], None]
Verify = Callable[[Finished], None]
SCRIPT = "burnin.ass"
# In ffmpeg's log; a sound file with a cover has such a line, too, before those of the outputs.
_JPEG_SIZE = re.compile(r"Stream #1:0.*: Video: mjpeg.*, (\d+x\d+)\b")


@attrs.frozen
class ThumbnailOutput:
    """A thumbnail that is made while the frames are decoded anyway: its path, and its frame, counted from 0.

    It shows the frame without a burn-in.
    """

    path: Path
    frame: int

    @property
    def filters(self) -> list[str]:
        """The filters from all frames to the thumbnail."""
        return [f"select=eq(n\\,{self.frame})", *ffmpeg_colour.to_jpeg(presets.THUMBNAIL_LONGER_SIDE)]

    def arguments(self, path: Path) -> list[str]:
        """Return ffmpeg's arguments of the output, whose filters end at [thumbnail]."""
        # Else ffmpeg repeats the image for the time of the frames before it.
        return ["-map", "[thumbnail]", "-fps_mode", "passthrough", *presets.JPEG, ffmpeg.file_url(path)]

    def encoded_file(self, resolution: Resolution) -> media_info.EncodedFile:
        """Return the thumbnail, which is complete and has this size."""
        return media_info.EncodedFile(self.path, presets.THUMBNAIL, resolution, None, 1, self.path.stat().st_size)


@attrs.frozen
class EncodeRun:
    """The input and the output of an encode.

    ``arguments`` are ffmpeg's input arguments, ``filters`` the first filters, after which the matrix can be converted.
    ``own_sound`` is the time in the movie, in seconds, at which the clock of the source's sound reads 0, None without
    sound. ``feed`` writes to ffmpeg's pipe. ``remark`` says what the filters change in the images.
    ``timecode`` is that of the source's first frame, "" without one. ``thumbnail`` is written by the same run.
    """

    source: str
    arguments: list[str]
    filters: list[str]
    target: BurninTarget
    output: presets.Output
    burnin: Burnin = attrs.field(factory=Burnin)
    sounds: Sequence[Sound] = ()
    own_sound: Fraction | None = None
    feed: Feed | None = None
    remark: str = ""
    timecode: str = ""
    thumbnail: ThumbnailOutput | None = None

    @classmethod
    def of_frames(
        cls,
        frames: frame_input.FrameInput,
        arguments: list[str],
        feed: Feed | None,
        output: presets.Output,
        burnin: Burnin | None,
        sounds: Sequence[Sound],
        thumbnail: Path | None,
    ) -> EncodeRun:
        """Return the run that encodes a sequence; ``arguments`` and ``feed`` are those of ``frames.source``."""
        image = None if thumbnail is None else ThumbnailOutput(thumbnail, frames.middle)
        return cls(
            frames.frames.pattern,
            arguments,
            frames.filters,
            frames.target,
            output,
            burnin or Burnin(),
            sounds,
            feed=feed,
            thumbnail=image,
        )

    @property
    def size(self) -> Resolution:
        """The size of the movie."""
        return self.output.size(self.target.shape)

    @property
    def count(self) -> int:
        """The number of frames of the movie, the slate included."""
        return len(self.target.numbers) + self.burnin.lead

    @property
    def changes_nothing(self) -> bool:
        """Whether the movie would be a review movie of the same size without additions."""
        return self.output is presets.REVIEW and not (self._has_burnin or self.sounds)

    def command(self, path: Path, encoder: Encoder = SOFTWARE, image: Path | None = None) -> list[str]:
        """Return ffmpeg's arguments; the thumbnail, if there is one, is written to ``image``."""
        target, fps = self.target, self.target.fps
        drawing: list[str] = []
        if self._has_burnin:
            drawing = burnin.filters(self.burnin, self.size, fps, SCRIPT, self.output.pixel_format)
        review = ffmpeg_colour.to_review(target.resolution, self.size, self.output.pixel_format)
        upload = encoder.filters if self.output.codec is None else ()
        to_video = (*review, *drawing, ffmpeg_colour.TAGS, *upload)
        chains = [f"[0:V:0]{','.join((*self.filters, *to_video))}[video]"]
        images: list[str] = []
        if self.thumbnail is not None and image is not None:
            chains = [
                f"[0:V:0]{','.join((*self.filters, 'split'))}[movie][image]",
                f"[movie]{','.join(to_video)}[video]",
                f"[image]{','.join(self.thumbnail.filters)}[thumbnail]",
            ]
            images = self.thumbnail.arguments(image)
        first = timecode.timecode(target.numbers[0] - self.burnin.lead, fps)
        if self.output.keeps_timecode and self.timecode:
            first = timecode.earlier_timecode(self.timecode, self.burnin.lead, fps)
        outputs = ["-map", "[video]", "-timecode", first]
        starts = self._sound_starts()
        if starts:
            chains += sound.mixed(starts, self.count / fps)
            outputs += ["-map", "[sound]", *self.output.audio]
        source = [*ffmpeg.thread_arguments("decoder_threads"), *self.arguments]
        inputs = [*encoder.device, *source, *(argument for one in self.sounds for argument in one.arguments())]
        return [
            *inputs,
            "-filter_complex",
            ";".join(chains),
            *outputs,
            *self.output.arguments(fps, encoder.codec),
            *ffmpeg.thread_arguments("encoder_threads"),
            ffmpeg.file_url(path),
            *images,
        ]

    def _sound_starts(self) -> list[tuple[str, Fraction, list[str]]]:
        fps, lead = self.target.fps, self.burnin.lead
        first = self.target.numbers[0] - lead
        own: list[tuple[str, Fraction, list[str]]] = []
        if self.own_sound is not None:
            own = [("0:a:0", self.own_sound + lead / fps, [])]
        others = enumerate(self.sounds, 1)
        return [*own, *((f"{i}:a:0", (one.start - first) / fps, one.filters(first, fps)) for i, one in others)]

    def _sound_names(self) -> dict[int, str]:
        """Return the file names of the sounds by the index of their input."""
        own = {} if self.own_sound is None else {0: Path(self.source).name}
        return {**own, **{index: one.path.name for index, one in enumerate(self.sounds, 1)}}

    def encode(
        self,
        path: Path,
        on_frame: OnFrame | None,
        is_cancelled: IsCancelled | None,
        on_line: OnLine | None = None,
        verify: Verify | None = None,
    ) -> media_info.EncodedFile:
        """Encode the movie to ``path``; ``verify`` may raise an error after the run.

        If a hardware encoder fails, x264 encodes the movie.
        """
        on_count, sizes, tracks = self._frame_counter(on_frame), [], sound.TrackReader()

        def read(line: str) -> None:
            tracks.read(line)
            if self.thumbnail and (found := _JPEG_SIZE.search(line)):
                sizes.append(Resolution.parse(found[1]))
            if on_line:
                on_line(line)

        def run_encoder(unfinished: Path, folder: Path | None, encoder: Encoder) -> Error | None:
            command = self.command(unfinished, encoder, image)
            finished = ffmpeg.run(
                command, folder=folder, feed=self.feed, on_line=read, on_count=on_count, is_cancelled=is_cancelled
            )
            if verify:
                verify(finished)
            return self._find_flaw(unfinished, finished)

        with (
            ffmpeg.replacing(path) as unfinished,
            self._unfinished_thumbnail() as image,
            self._script_folder(path.parent) as folder,
        ):
            encoder, remark = SOFTWARE, ""
            if self.output.codec is None:
                encoder, remark = encoders.choose(path.parent, is_cancelled)
            flaw = run_encoder(unfinished, folder, encoder)
            if isinstance(flaw, EncodeFailed) and encoder is not SOFTWARE:
                hardware, reason = encoder, str(flaw)
                encoder, remark, flaw = (
                    SOFTWARE,
                    f"{hardware.name}: {reason}",
                    run_encoder(unfinished, folder, SOFTWARE),
                )
                if flaw is None:
                    # x264 encodes the same frames, so the hardware encoder has failed.
                    encoders.cache_flaw(hardware, reason)
            if flaw:
                raise flaw
        name = encoder.name if self.output.codec is None else ""
        lost = missing_remark(burnin.fonts_of(self.burnin, self.target).missing) if self._has_burnin else ""
        mixed = "; ".join(tracks.changes(self._sound_names()))
        changes = "; ".join(filter(None, (self.remark, mixed, lost)))
        remarks = "; ".join(filter(None, (self.remark, remark, mixed, lost)))
        made = self.thumbnail.encoded_file(sizes[-1]) if self.thumbnail else None
        return attrs.evolve(self._encoded_file(path), encoder=name, remark=remarks, changes=changes, thumbnail=made)

    def copy(self, movie: Path, path: Path, on_frame: OnFrame | None) -> media_info.EncodedFile:
        """Copy the movie to ``path`` unchanged."""
        with ffmpeg.replacing(path) as unfinished:
            shutil.copyfile(movie, unfinished)
        self._frame_counter(on_frame)(self.count)
        return self._encoded_file(path)

    def _encoded_file(self, path: Path) -> media_info.EncodedFile:
        name, lead, filled = self.output.component_name, self.burnin.lead, tuple(self.target.filled)
        return media_info.EncodedFile(
            path, name, self.size, self.target.fps, self.count, path.stat().st_size, lead, filled
        )

    @property
    def _has_burnin(self) -> bool:
        return self.burnin.is_drawn or bool(self.target.filled)

    @contextlib.contextmanager
    def _unfinished_thumbnail(self) -> Iterator[Path | None]:
        """Yield a temporary file that replaces the thumbnail if the block succeeds, None without a thumbnail."""
        if self.thumbnail is None:
            yield None
            return
        with ffmpeg.replacing(self.thumbnail.path) as unfinished:
            yield unfinished

    @contextlib.contextmanager
    def _script_folder(self, folder: Path) -> Iterator[Path | None]:
        """Yield a temporary folder with the burn-in's script and font, None without a burn-in."""
        if not self._has_burnin:
            yield None
            return
        fonts = burnin.fonts_of(self.burnin, self.target).files
        with script_folder(burnin.script(self.burnin, self.target, self.size), folder, fonts) as temporary:
            if self.burnin.slate:
                slate.copy_logo(self.burnin.slate_images, temporary)
            yield temporary

    def _frame_counter(self, on_frame: OnFrame | None) -> ffmpeg.OnCount:
        """Return a callback that takes a number of encoded frames and calls ``on_frame`` for the new ones."""
        done = 0

        def on_count(count: int) -> None:
            nonlocal done
            for number in self.target.numbers[done : max(0, count - self.burnin.lead)]:
                done += 1
                if on_frame:
                    on_frame(number)

        return on_count

    def _find_flaw(self, path: Path, finished: Finished) -> Error | None:
        """Return the error of the run or of its file, None without one; ffmpeg's exit code is not reliable."""
        if finished.returncode:
            return ffmpeg.failure(finished, self.source, path)
        count = file_integrity.declared_frames(path) if file_integrity.is_whole(path) else 0
        if count == self.count:
            return None
        reason = f"The movie of {self.source} has {count} frames; expected {self.count}. Try again."
        return EncodeFailed(reason, finished.log)


@contextlib.contextmanager
def script_folder(script: str, folder: Path, fonts: Sequence[Path] = ()) -> Iterator[Path]:
    """Yield a temporary folder in ``folder`` with SCRIPT, the bundled font and ``fonts``, in which ffmpeg is to run."""
    with ffmpeg.storage_errors(folder):
        temporary = tempfile.TemporaryDirectory(prefix=".burnin-", dir=folder)
    with temporary as name:
        with ffmpeg.storage_errors(folder):
            Path(name, SCRIPT).write_text(script, encoding="utf-8")
            Path(name, burnin.FONTS).mkdir()
            for font in (BUNDLED, *fonts):
                shutil.copyfile(font, Path(name, burnin.FONTS, font.name))
        yield Path(name)


def movie_filters(info: media_info.MovieInfo) -> list[str]:
    """Return the filters that time each frame of a movie, and after which its matrix can be converted."""
    # The frames are numbered again, since a container's clock may round.
    numbered = [f"settb={1 / info.fps}", "setpts=N", f"fps={info.fps}"]
    resampled = [f"fps={info.fps}"] if info.is_resampled else []
    return [*resampled, *numbered, *ffmpeg_colour.from_movie(info)]
