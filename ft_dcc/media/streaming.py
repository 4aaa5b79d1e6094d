"""A film that is encoded while its frames are still being captured."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Callable

from ft_dcc.errors import Cancelled, FramesMissing
from ft_dcc.frames import Frames, ranges
from ft_dcc.media.burnin import Burnin
from ft_dcc.media.display import Colour
from ft_dcc.media.facts import Media
from ft_dcc.media.ffmpeg import IsCancelled
from ft_dcc.media.presets import REVIEW, Output
from ft_dcc.media.reel import Reel, as_numbered
from ft_dcc.media.sound import Sound
from ft_dcc.media.take import OnFrame, Take

_TICK = 0.1


class Encoding:
    """A film in the making: ``add`` each frame once its file is whole, then ``finish``; or ``cancel``.

    ffmpeg runs in one process, in a thread of its own, from the first frame to the last. As a context manager it is
    cancelled where the block is left without ``finish``.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._wanted = frozenset(frames.frame_range.with_handles)
        self._arrived: dict[int, Path] = {}
        self._changed = threading.Condition()
        self._is_cancelled = False
        self._film: Future[Media] = Future()

    def add(self, number: int, path: Path | None = None) -> None:
        """The frame's file is whole and will be read; it lies where ``frames`` says, unless a path is given.

        Returns at once, from any thread. Frames may come in any order and more than once; those that are outside of
        the range are not looked at.
        """
        if number in self._wanted:
            with self._changed:
                self._arrived[number] = path or self._frames.path(number)
                self._changed.notify_all()

    def finish(self) -> Media:
        """Wait for the film and return it, after the last frame was added.

        Raises FramesMissing for frames that were never added, and otherwise what ``encode`` raises. Nothing is left
        of an unfinished film then, and whatever was at its path before is still there.
        """
        missing = tuple(sorted(self._wanted.difference(self._arrived)))
        if missing and not self._film.done():
            self.cancel()
            if isinstance(self._film.exception(), Cancelled):
                reason = f"Of {self._frames.pattern} these frames never came: {ranges(missing)}."
                raise FramesMissing(f"{reason} Capture again.", missing)
        return self._film.result()

    def cancel(self) -> None:
        """No ffmpeg runs and nothing is left of the film, unless it was finished before."""
        with self._changed:
            self._is_cancelled = True
            self._changed.notify_all()
        # The outcome is of no interest any more; that there is one means that everything is cleared up.
        self._film.exception()

    @property
    def has_failed(self) -> bool:
        """Whether the film cannot be made any more, so that ``finish`` raises."""
        return self._film.done() and self._film.exception() is not None

    def __enter__(self) -> Encoding:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._film.done():
            self.cancel()

    def run(self, take: Callable[[IsCancelled], Media]) -> None:
        """Make the film, in this thread, and keep it or the error for ``finish``."""
        try:
            self._film.set_result(take(lambda: self._is_cancelled))
        except BaseException as error:  # noqa: BLE001 - whoever calls finish gets it
            self._film.set_exception(error)

    def files(self, reel: Reel, is_stopped: Callable[[], bool]) -> Iterator[tuple[int, Path]]:
        """Yield the file of each picture as soon as it is there."""
        for number in reel.shown.values():
            with self._changed:
                while number not in self._arrived:
                    if is_stopped() or self._is_cancelled:
                        raise Cancelled("Cancelled; not every frame has come.")
                    self._changed.wait(_TICK)
            yield number, self._arrived[number]


def begin_encoding(
    frames: Frames,
    path: Path,
    *,
    output: Output = REVIEW,
    burnin: Burnin | None = None,
    colour: Colour | None = None,
    sounds: Sequence[Sound] = (),
    on_frame: OnFrame | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Encoding:
    """Return the encoding of frames that do not exist yet, waiting for the first.

        with begin_encoding(frames, folder / "film.mp4") as encoding:
            host.playblast(request, on_frame=encoding.add)
            film = encoding.finish()

    The film is the one that ``encode`` makes, which the arguments are those of: range, handles, rate, size and the name
    of the files are those of ``frames``. ``on_frame`` and ``is_cancelled`` are called from another thread.
    Raises at once what is wrong before there is any frame.
    """
    encoding = Encoding(frames)
    reel = as_numbered(frames, colour, is_awaited=True)
    arguments, feed = reel.source(lambda is_stopped: encoding.files(reel, is_stopped))
    take = Take(frames.pattern, arguments, reel.filters, reel.pictures, output, burnin or Burnin(), sounds, feed=feed)

    def film(is_dropped: IsCancelled) -> Media:
        def is_over() -> bool:
            return is_dropped() or (is_cancelled is not None and is_cancelled())

        return take.film(path, on_frame, is_over, reel.see, reel.judge)

    threading.Thread(target=encoding.run, args=(film,), name="ft-dcc encoding", daemon=True).start()
    return encoding
