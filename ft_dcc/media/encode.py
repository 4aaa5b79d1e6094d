"""Encode frames, existing ones or while they are captured, or transcode a movie, to a movie for every browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from pathlib import Path
from types import TracebackType
from typing import Callable

import attrs

from ft_dcc.errors import Cancelled, FramesMissing, ValueMismatch
from ft_dcc.frames import Frames, format_ranges
from ft_dcc.media import encode_run, ffmpeg, ocio, presets, sound
from ft_dcc.media.burnin import Burnin, BurninTarget
from ft_dcc.media.frame_input import FrameInput, build_frame_input, refuse_truncated
from ft_dcc.media.inspection import media_info
from ft_dcc.media.inspection.probe import movie_input, probe

POLL_INTERVAL_SECONDS = 0.1


def encode(
    frames: Frames,
    path: Path,
    *,
    output: presets.Output = presets.REVIEW,
    burnin: Burnin | None = None,
    colour: ocio.ColourOptions | None = None,
    sounds: Sequence[sound.Sound] = (),
    fill_missing: bool = False,
    thumbnail: Path | None = None,
    also: Mapping[Path, presets.Output] | None = None,
    on_frame: encode_run.OnFrame | None = None,
    is_cancelled: ffmpeg.IsCancelled | None = None,
) -> media_info.EncodedFile:
    """Encode every frame of the range, handles included, at the frames' rate, to a movie at ``path``.

    A frame that a step leaves out is replaced by the previous one, and with ``fill_missing`` so is a missing one, which
    is labelled. Without ``colour`` the settings apply to OpenEXR files, and all others are shown unchanged.
    ``on_frame`` is called with each encoded frame's number; an error that it raises ends the encode. With ``thumbnail``
    the same run writes a thumbnail of the middle frame, without the burn-in, to this path, and ``also`` are further
    outputs of the run, by their paths.

    Raises FramesMissing for missing or damaged frames, ValueMismatch for a frame that is not of ``frames.resolution``,
    SettingInvalid, MissingExtra, StorageError, EncodeFailed or Cancelled. After an error ``path`` is unchanged.
    """
    frame_input = build_frame_input(frames, colour, fill_missing=fill_missing)
    if frame_input.suffix in ocio.LINEAR_SUFFIXES:
        # The decoder would report the first damaged frame only.
        refuse_truncated(frames, frame_input.files(lambda: False))
    arguments, feed = frame_input.source()
    outputs = {path: output, **(also or {})}
    run = encode_run.EncodeRun.of_frames(frame_input, arguments, feed, outputs, burnin, sounds, thumbnail)
    return run.encode(on_frame, is_cancelled, frame_input.on_log_line, frame_input.verify_decoded)


def variable_rate(movie: Path) -> ValueMismatch:
    """Return the error for a movie of variable rate that is not resampled."""
    message = f"{movie.name} has a variable frame rate (a phone?). With a constant rate it is resampled."
    what, known = f"frame rate of {movie.name}", {"found": "variable", "expected": "constant"}
    return ValueMismatch(what, **known, message=message, option="fps 30")


def transcode(
    movie: Path,
    path: Path,
    *,
    info: media_info.MovieInfo | None = None,
    first_frame: int = 0,
    output: presets.Output = presets.REVIEW,
    burnin: Burnin | None = None,
    sounds: Sequence[sound.Sound] = (),
    thumbnail: Path | None = None,
    also: Mapping[Path, presets.Output] | None = None,
    on_frame: encode_run.OnFrame | None = None,
    is_cancelled: ffmpeg.IsCancelled | None = None,
) -> media_info.EncodedFile:
    """Transcode a movie to ``path``: every frame once, at its exact rate, with its sound in sync.

    A movie that is ready for the review is copied, without a thumbnail, unless something is to be changed. ``info`` is
    the result of ``probe``, if it is known already. ``first_frame`` is the number of the first frame for ``on_frame``,
    ``burnin`` and ``sounds``. Raises MovieUnreadable, ValueMismatch for a variable rate, which ``resampled`` makes
    constant, and otherwise what ``encode`` raises.
    """
    info = probe(movie, is_cancelled=is_cancelled) if info is None else info
    if not info.is_constant_rate:
        raise variable_rate(movie)
    numbers = range(first_frame, first_frame + info.frame_count)
    target = BurninTarget(numbers, info.fps, info.resolution, pixel_aspect=info.pixel_aspect)
    own_sound = -info.start if info.audio_codec else None
    filters, timecode = encode_run.movie_filters(info), "" if info.is_resampled else info.timecode
    outputs, marks = {path: output, **(also or {})}, burnin or Burnin()
    run = encode_run.EncodeRun(str(movie), movie_input(movie), filters, target, outputs, marks, sounds)
    run = attrs.evolve(run, own_sound=own_sound, remark=info.changes, timecode=timecode)
    run = attrs.evolve(run, thumbnail=thumbnail, thumbnail_frame=info.frame_count // 2)
    if movie.suffix != ".mp4" or not info.is_ready_for_review or not run.changes_nothing(output):
        return run.encode(on_frame, is_cancelled)
    if not also:
        return run.copy(movie, on_frame)
    first = attrs.evolve(run, outputs=also).encode(on_frame, is_cancelled)
    others = (attrs.evolve(first, thumbnail=None, others=()), *first.others)
    return attrs.evolve(run.copy(movie, None), thumbnail=first.thumbnail, others=others)


class LiveEncode:
    """A running encode: ``add`` each frame once its file is complete, then ``finish``, or ``cancel``.

    One ffmpeg process runs in a separate thread from the first frame to the last. As a context manager, the encode is
    cancelled if the block is left without ``finish``.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._wanted = frozenset(frames.frame_range.with_handles)
        self._arrived: dict[int, Path] = {}
        self._changed = threading.Condition()
        self._is_cancelled = False
        self._result: Future[media_info.EncodedFile] = Future()

    def add(self, number: int, path: Path | None = None) -> None:
        """Read the frame's file, which is complete; it is at ``path``, by default where ``frames`` has it.

        Returns at once and may be called from any thread. Frames may be added in any order and repeatedly; frames
        outside of the range are ignored.
        """
        if number in self._wanted:
            with self._changed:
                self._arrived[number] = path or self._frames.path(number)
                self._changed.notify_all()

    def finish(self) -> media_info.EncodedFile:
        """Wait for the movie and return it; all frames must have been added.

        Raises FramesMissing for frames that were not added, and otherwise what ``encode`` raises. After an error the
        path of the movie is unchanged.
        """
        missing = tuple(sorted(self._wanted.difference(self._arrived)))
        if missing and not self._result.done():
            self.cancel()
            if isinstance(self._result.exception(), Cancelled):
                reason = f"Of {self._frames.pattern} these frames were not added: {format_ranges(missing)}."
                raise FramesMissing(f"{reason} Capture them again.", missing)
        return self._result.result()

    def cancel(self) -> None:
        """Stop ffmpeg and delete the unfinished movie; a finished movie remains."""
        with self._changed:
            self._is_cancelled = True
            self._changed.notify_all()
        # Wait until the thread has cleaned up; its result does not matter.
        self._result.exception()

    def __enter__(self) -> LiveEncode:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._result.done():
            self.cancel()

    def files(self, frame_input: FrameInput, is_stopped: Callable[[], bool]) -> Iterator[tuple[int, Path]]:
        """Yield the file of each frame of the movie as soon as it was added."""
        for number in frame_input.shown.values():
            with self._changed:
                while number not in self._arrived:
                    if is_stopped() or self._is_cancelled:
                        raise Cancelled("The encode was cancelled before its last frame.")
                    self._changed.wait(POLL_INTERVAL_SECONDS)
            yield number, self._arrived[number]


def start_live_encode(
    frames: Frames,
    path: Path,
    *,
    output: presets.Output = presets.REVIEW,
    burnin: Burnin | None = None,
    colour: ocio.ColourOptions | None = None,
    sounds: Sequence[sound.Sound] = (),
    thumbnail: Path | None = None,
    also: Mapping[Path, presets.Output] | None = None,
    on_frame: encode_run.OnFrame | None = None,
    is_cancelled: ffmpeg.IsCancelled | None = None,
) -> LiveEncode:
    """Start to encode frames that do not exist yet.

        with start_live_encode(frames, folder / "movie.mp4") as live_encode:
            host.playblast(request, on_frame=live_encode.add)
            movie = live_encode.finish()

    The arguments and the movie are those of ``encode``. ``on_frame`` and ``is_cancelled`` are called from another
    thread. Errors that do not depend on the frames are raised at once.
    """
    live_encode = LiveEncode(frames)
    frame_input = build_frame_input(frames, colour, check_disk=False)
    arguments, feed = frame_input.source(lambda is_stopped: live_encode.files(frame_input, is_stopped))
    outputs = {path: output, **(also or {})}
    run = encode_run.EncodeRun.of_frames(frame_input, arguments, feed, outputs, burnin, sounds, thumbnail)

    def is_over() -> bool:
        return live_encode._is_cancelled or (is_cancelled is not None and is_cancelled())

    def verify(finished: ffmpeg.Finished) -> None:
        # After a failure, the files that are not captured yet are not the reason.
        frame_input.verify_decoded(finished, is_on_disk=False)

    def work() -> None:
        try:
            live_encode._result.set_result(run.encode(on_frame, is_over, frame_input.on_log_line, verify))
        except BaseException as error:  # noqa: BLE001 - finish() raises it
            live_encode._result.set_exception(error)

    # With the settings of this thread.
    threading.Thread(target=copy_context().run, args=(work,), name="ft-dcc encoding", daemon=True).start()
    return live_encode
