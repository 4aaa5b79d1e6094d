"""Encode a movie while its frames are still being captured."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Callable

from ft_dcc.errors import Cancelled, FramesMissing
from ft_dcc.frames import Frames, format_ranges
from ft_dcc.media import encode_run, ffmpeg, ocio, presets, sound
from ft_dcc.media.burnin import Burnin
from ft_dcc.media.frame_input import FrameInput, build_frame_input
from ft_dcc.media.inspection import media_info

POLL_INTERVAL_SECONDS = 0.1


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

    @property
    def has_failed(self) -> bool:
        """Whether the encode has failed, so that ``finish`` raises."""
        return self._result.done() and self._result.exception() is not None

    def __enter__(self) -> LiveEncode:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._result.done():
            self.cancel()

    def run(self, encode: Callable[[ffmpeg.IsCancelled], media_info.EncodedFile]) -> None:
        """Call ``encode`` in this thread, and keep its result or error for ``finish``."""
        try:
            self._result.set_result(encode(lambda: self._is_cancelled))
        except BaseException as error:  # noqa: BLE001 - finish() raises it
            self._result.set_exception(error)

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
    run = encode_run.EncodeRun.of_frames(frame_input, arguments, feed, output, burnin, sounds, thumbnail)

    def encode(is_dropped: ffmpeg.IsCancelled) -> media_info.EncodedFile:
        def is_over() -> bool:
            return is_dropped() or (is_cancelled is not None and is_cancelled())

        def verify(finished: ffmpeg.Finished) -> None:
            # After a failure, the files that are not captured yet are not the reason.
            frame_input.verify_decoded(finished, is_on_disk=False)

        return run.encode(path, on_frame, is_over, frame_input.on_log_line, verify)

    threading.Thread(target=live_encode.run, args=(encode,), name="ft-dcc encoding", daemon=True).start()
    return live_encode
