"""One run of ffmpeg, from frames and sounds to all outputs of a source."""

from __future__ import annotations

import contextlib
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Callable

import attrs

from ft_dcc.errors import EncodeFailed, Error
from ft_dcc.files import atomic, sequences
from ft_dcc.frames import Resolution
from ft_dcc.media import burnin, encoders, ffmpeg, ffmpeg_colour, frame_input, presets, slate, sound
from ft_dcc.media.burnin import Burnin, BurninTarget
from ft_dcc.media.encoders import SOFTWARE, Encoder
from ft_dcc.media.fonts import BUNDLED, missing_remark
from ft_dcc.media.inspection import file_integrity, media_info

OnFrame = Callable[[int], None]
Verify = Callable[[ffmpeg.Finished], None]
# In ffmpeg's log, after the number of the output.
_JPEG_SIZE = r":0.*: Video: mjpeg.*, (\d+x\d+)\b"


@attrs.frozen
class EncodeRun:
    """The input and the outputs of an encode; the first output is the movie that the result describes."""

    source: str
    # ffmpeg's input arguments, and the first filters, after which the matrix can be converted.
    arguments: list[str]
    filters: list[str]
    target: BurninTarget
    # By their paths, sequences by their patterns.
    outputs: Mapping[Path, presets.Output]
    burnin: Burnin = attrs.field(factory=Burnin)
    sounds: Sequence[sound.Sound] = ()
    # The time in the movie, in seconds, at which the clock of the source's sound reads 0, None without sound.
    own_sound: Fraction | None = None
    # Writes to ffmpeg's pipe.
    feed: ffmpeg.Feed | None = None
    # What the filters change in the images.
    remark: str = ""
    # That of the source's first frame, "" without one.
    timecode: str = ""
    # The path of a thumbnail that the same run makes of this frame, counted from 0, without the burn-in.
    thumbnail: Path | None = None
    thumbnail_frame: int = 0

    @classmethod
    def of_frames(
        cls,
        frames: frame_input.FrameInput,
        arguments: list[str],
        feed: ffmpeg.Feed | None,
        outputs: Mapping[Path, presets.Output],
        burnin: Burnin | None,
        sounds: Sequence[sound.Sound],
        thumbnail: Path | None,
    ) -> EncodeRun:
        """Return the run that encodes a sequence; ``arguments`` and ``feed`` are those of ``frames.source``."""
        first, target, burnin = frames.filters, frames.target, burnin or Burnin()
        run = cls(frames.frames.pattern, arguments, first, target, outputs, burnin, sounds, feed=feed)
        return attrs.evolve(run, thumbnail=thumbnail, thumbnail_frame=frames.middle)

    @property
    def numbers(self) -> list[int]:
        """The numbers of all frames, the slate included."""
        first = self.target.numbers[0]
        return [*range(first - self.burnin.lead, first), *self.target.numbers]

    def changes_nothing(self, output: presets.Output) -> bool:
        """Whether the output would be a review movie of the same size without additions."""
        is_same_size = output.codec is None and output.size(self.target.shape) == self.target.shape.even
        return is_same_size and not (self._has_burnin or self.sounds)

    def command(self, paths: Sequence[Path], encoder: Encoder = SOFTWARE, image: Path | None = None) -> list[str]:
        """Return ffmpeg's arguments: one decode, of which each output and the thumbnail get all images.

        The outputs are written to ``paths``, the thumbnail, if there is one, to ``image``.
        """
        starts, chains, files = self._sound_starts(), [], []
        with_sound = [number for number, output in enumerate(self.outputs.values()) if starts and output.audio]
        images = [f"[images{number}]" for number in range(len(paths) + (image is not None))]
        split = [] if len(images) == 1 else [f"split={len(images)}"]
        chains.append(f"[0:V:0]{','.join((*self.filters, *split))}{''.join(images)}")
        for number, (path, output) in enumerate(zip(paths, self.outputs.values())):
            chains.append(f"{images[number]}{','.join(self._filters(output, encoder))}[video{number}]")
            files += ["-map", f"[video{number}]"]
            files += ["-map", f"[track{number}]", *output.audio] if number in with_sound else []
            timecode = burnin.timecode(self.numbers[0], self.target.fps)
            if output.keeps_timecode and self.timecode:
                timecode = burnin.earlier_timecode(self.timecode, self.burnin.lead, self.target.fps)
            files += [] if output.image_suffix else ["-timecode", timecode]
            files += [*output.arguments(self.target.fps, encoder.codec), *ffmpeg.thread_arguments("encoder_threads")]
            # In the name of a folder of images, ffmpeg would read the number of a frame.
            folder = str(path.parent).replace("%", "%%") if output.image_suffix else path.parent
            files.append(ffmpeg.file_url(Path(folder) / path.name))
        if image is not None:
            chosen = [f"select=eq(n\\,{self.thumbnail_frame})", *ffmpeg_colour.to_jpeg(presets.THUMBNAIL_LONGER_SIDE)]
            chains.append(f"{images[-1]}{','.join(chosen)}[thumbnail]")
            # With "cfr" ffmpeg repeats the image for the time of the frames before it.
            files += ["-map", "[thumbnail]", "-fps_mode", "passthrough", *presets.JPEG, ffmpeg.file_url(image)]
        if with_sound:
            tracks = "".join(f"[track{number}]" for number in with_sound)
            chains += [
                *sound.mixed(starts, len(self.numbers) / self.target.fps),
                f"[sound]asplit={len(with_sound)}{tracks}",
            ]
        source = [*ffmpeg.thread_arguments("decoder_threads"), *self.arguments]
        inputs = [*encoder.device, *source, *(argument for one in self.sounds for argument in one.arguments())]
        # The parts of an image that scale side by side are not dithered as the whole one.
        threads = ffmpeg.thread_arguments("encoder_threads", "-filter_complex_threads")
        return [*inputs, *threads, "-filter_complex", ";".join(chains), *files]

    def _filters(self, output: presets.Output, encoder: Encoder) -> list[str]:
        """Return the filters from an image of the source to one of an output."""
        size, drawing = output.size(self.target.shape), []
        if self._has_burnin:
            drawing = burnin.filters(self.burnin, size, self.target.fps, _script_name(size), output.pixel_format)
        review = ffmpeg_colour.to_review(self.target.resolution, size, output.pixel_format)
        upload = encoder.filters if output.codec is None else ()
        return [*review, *drawing, ffmpeg_colour.TAGS, *output.filters, *upload]

    def _sound_starts(self) -> list[tuple[str, Fraction, list[str]]]:
        fps, number = self.target.fps, self.numbers[0]
        starts: list[tuple[str, Fraction, list[str]]] = [
            (f"{index}:a:0", (one.start - number) / fps, one.filters(number, fps))
            for index, one in enumerate(self.sounds, 1)
        ]
        if self.own_sound is not None:
            starts.insert(0, ("0:a:0", self.own_sound + self.burnin.lead / fps, []))
        return starts

    def encode(
        self,
        on_frame: OnFrame | None,
        is_cancelled: ffmpeg.IsCancelled | None,
        on_line: ffmpeg.OnLine | None = None,
        verify: Verify | None = None,
    ) -> media_info.EncodedFile:
        """Encode all outputs, with x264 if a hardware encoder fails; ``verify`` may raise an error after the run."""
        on_count, sizes, tracks = self._frame_counter(on_frame), [], sound.TrackReader()
        # A sound file with a cover has such a line, too, before those of the outputs.
        jpeg = re.compile(f"Stream #{len(self.outputs)}{_JPEG_SIZE}")
        uses_h264 = any(output.codec is None for output in self.outputs.values())

        def read(line: str) -> None:
            tracks.read(line)
            if self.thumbnail and (found := jpeg.search(line)):
                sizes.append(Resolution.parse(found[1]))
            if on_line:
                on_line(line)

        def run_encoder(folder: Path | None, encoder: Encoder) -> Error | None:
            command = self.command(paths, encoder, image)
            finished = ffmpeg.run(
                command, folder=folder, feed=self.feed, on_line=read, on_count=on_count, is_cancelled=is_cancelled
            )
            if verify:
                verify(finished)
            return self._find_flaw(paths, finished)

        parent = next(iter(self.outputs)).parent
        with contextlib.ExitStack() as stack:
            paths = [stack.enter_context(self._replacing(path, output)) for path, output in self.outputs.items()]
            image = None if self.thumbnail is None else stack.enter_context(ffmpeg.replacing(self.thumbnail))
            folder = stack.enter_context(self._script_folder(parent))
            encoder, remark = encoders.choose(parent, is_cancelled) if uses_h264 else (SOFTWARE, "")
            flaw = run_encoder(folder, encoder)
            if isinstance(flaw, EncodeFailed) and encoder is not SOFTWARE and encoders.has_x264():
                hardware, reason = encoder, str(flaw)
                encoder, remark = SOFTWARE, f"{hardware.name}: {reason}"
                flaw = run_encoder(folder, SOFTWARE)
                if flaw is None:
                    # x264 encodes the same frames, so the hardware encoder has failed.
                    encoders.cache_flaw(hardware, reason)
            if flaw:
                raise flaw
        made = None
        if self.thumbnail:
            size = self.thumbnail.stat().st_size
            made = media_info.EncodedFile(self.thumbnail, presets.THUMBNAIL, sizes[-1], None, 1, size)
        first, *others = self._described(tracks, encoder.name, remark)
        return attrs.evolve(first, thumbnail=made, others=tuple(others))

    def _described(self, tracks: sound.TrackReader, encoder: str, remark: str) -> Iterator[media_info.EncodedFile]:
        """Yield the files of all outputs, with the H.264 encoder and its remark, and what they show differently."""
        lost = missing_remark(burnin.fonts_of(self.burnin, self.target).missing) if self._has_burnin else ""
        # The sounds by the index of their input.
        names = {} if self.own_sound is None else {0: Path(self.source).name}
        names.update((index, one.path.name) for index, one in enumerate(self.sounds, 1))
        for path, output in self.outputs.items():
            mixed, name, why = "; ".join(tracks.changes(names)) if output.audio else "", "", ""
            if output.codec is None:
                name, why = encoder, remark
            changes = "; ".join(filter(None, (self.remark, mixed, lost)))
            remarks = "; ".join(filter(None, (self.remark, why, mixed, lost)))
            yield attrs.evolve(self._encoded_file(path, output), encoder=name, remark=remarks, changes=changes)

    def copy(self, movie: Path, on_frame: OnFrame | None) -> media_info.EncodedFile:
        """Copy the movie to the path of the first output unchanged."""
        path, output = next(iter(self.outputs.items()))
        with ffmpeg.replacing(path) as unfinished:
            shutil.copyfile(movie, unfinished)
        self._frame_counter(on_frame)(len(self.numbers))
        return self._encoded_file(path, output)

    def _encoded_file(self, path: Path, output: presets.Output) -> media_info.EncodedFile:
        name, size, lead = output.component_name, output.size(self.target.shape), self.burnin.lead
        fps, count = None if output.image_suffix else self.target.fps, len(self.numbers)
        filled = tuple(self.target.filled)
        return media_info.EncodedFile(path, name, size, fps, count, path.stat().st_size, lead, filled)

    @property
    def _has_burnin(self) -> bool:
        return self.burnin.is_drawn or bool(self.target.filled)

    @contextlib.contextmanager
    def _replacing(self, path: Path, output: presets.Output) -> Iterator[Path]:
        """Yield the path to which ffmpeg writes an output, for ``path``; images are put into an archive."""
        suffix, pattern = output.image_suffix, f"{output.component_name}.%04d{output.image_suffix}"
        with ffmpeg.replacing(path) as unfinished:
            if not suffix:
                yield unfinished
                return
            with (
                atomic.temporary_folder(".images-", path.parent) as folder,
                zipfile.ZipFile(unfinished, "w") as archive,
            ):
                # ffmpeg numbers from 1, and has no negative numbers.
                yield folder / f"%d{suffix}"
                for place, number in enumerate(self.numbers, 1):
                    archive.write(folder / f"{place}{suffix}", sequences.frame_path(pattern, number))

    @contextlib.contextmanager
    def _script_folder(self, folder: Path) -> Iterator[Path | None]:
        if not self._has_burnin:
            yield None
            return
        fonts = burnin.fonts_of(self.burnin, self.target).files
        sizes = {output.size(self.target.shape) for output in self.outputs.values()}
        scripts = {_script_name(size): burnin.script(self.burnin, self.target, size) for size in sizes}
        with script_folder(scripts, folder, fonts) as temporary:
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

    def _find_flaw(self, paths: Sequence[Path], finished: ffmpeg.Finished) -> Error | None:
        """Return the error of the run or of its files, None without one; ffmpeg's exit code is not reliable."""
        if finished.returncode:
            return ffmpeg.failure(finished, self.source, next(iter(self.outputs)))
        for path, output in zip(paths, self.outputs.values()):
            if output.image_suffix:
                files = [path.with_name(f"{place + 1}{output.image_suffix}") for place in range(len(self.numbers))]
                count = sum(file.is_file() and file_integrity.is_whole(file) for file in files)
            else:
                count = file_integrity.declared_frames(path) if file_integrity.is_whole(path) else 0
            if count != len(self.numbers):
                reason = f"The movie of {self.source} has {count} frames; expected {len(self.numbers)}. Try again."
                return EncodeFailed(reason, finished.log)
        return None


def _script_name(size: Resolution) -> str:
    return f"burnin-{size}.ass"


@contextlib.contextmanager
def script_folder(scripts: Mapping[str, str], folder: Path, fonts: Sequence[Path] = ()) -> Iterator[Path]:
    """Yield a temporary folder in ``folder`` with scripts and fonts, in which ffmpeg is to run."""
    with contextlib.ExitStack() as stack:
        with ffmpeg.storage_errors(folder):
            work = stack.enter_context(atomic.temporary_folder(".burnin-", folder))
            for name, script in scripts.items():
                (work / name).write_text(script, encoding="utf-8")
            (work / burnin.FONTS).mkdir()
            for font in (BUNDLED, *fonts):
                shutil.copyfile(font, work / burnin.FONTS / font.name)
        yield work


def movie_filters(info: media_info.MovieInfo) -> list[str]:
    """Return the filters that time each frame of a movie, and after which its matrix can be converted."""
    # The frames are numbered again, since a container's clock may round.
    numbered = [f"settb={1 / info.fps}", "setpts=N", f"fps={info.fps}"]
    resampled = [f"fps={info.fps}"] if info.is_resampled else []
    return [*resampled, *numbered, *ffmpeg_colour.from_movie(info)]
