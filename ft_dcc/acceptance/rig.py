"""What the kit must know of a program: how to lay out a small scene, look at it, and keep the program alive."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, Protocol

import attrs

from ft_dcc.errors import Error
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import Host, PlayblastRequest


class Rig(Protocol):
    """A program on the bench. All of it is called on the program's main thread."""

    @property
    def host(self) -> Host:
        """The adapter under test."""

    @property
    def can_capture(self) -> bool:
        """Whether this program, started in this way, is said to make frames."""

    @property
    def has_window(self) -> bool:
        """Whether there is a window, and so a menu."""

    def build(self) -> None:
        """An unsaved scene is open: frames 1001 to 1012 at 24 fps, 64x36, two sources, something that moves."""

    def state(self) -> Any:
        """Return all that an artist could find changed, as values that can be compared."""

    def serve(self, thread: threading.Thread) -> None:
        """Be the program's event loop until the thread has ended."""

    def reopen(self, path: Path) -> None:
        """The scene was saved at the path, without its suffix, and opened from there."""

    def menu(self) -> Sequence[str] | None:
        """Return the labels of the menu as it is, one that is there twice twice; None where it has no menu of ours."""

    def facts(self) -> Mapping[str, Any]:
        """Return what is worth knowing of the program besides: its toolkit, what its commands take."""

    @property
    def checks(self) -> Sequence[Check]:
        """The checks that only this program has."""


class Skipped(Error):
    """The check says nothing of this program, started in this way."""


@attrs.frozen
class Bench:
    """What a check is given: the rig, a folder of its own, the task to publish to, and whether a person is there."""

    rig: Rig
    folder: Path
    task: str
    has_person: bool = False

    @property
    def host(self) -> Host:
        """The adapter under test."""
        return self.rig.host

    def request(self, frames: str = "1001-1003", resolution: str = "64x36", **values: Any) -> PlayblastRequest:
        """Return a request for the scene's first source, into the check's own folder."""
        if not self.rig.can_capture:
            raise Skipped("this program, started in this way, makes no frames")
        parts = {"source": self.host.scene().sources[0], "directory": self.folder, "name": "shot", **values}
        return PlayblastRequest(frame_range=FrameRange.parse(frames), resolution=Resolution.parse(resolution), **parts)

    def beside(self, function: Callable[[], Any]) -> Any:
        """Return or raise what the function does in another thread, while the program goes on living."""
        outcome: list[Any] = []

        def call() -> None:
            try:
                outcome.append((function(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised again below
                outcome.append((None, error))

        thread = threading.Thread(target=call, name="ft-dcc acceptance", daemon=True)
        thread.start()
        self.rig.serve(thread)
        thread.join()
        result, error = outcome[0]
        if error is not None:
            raise error
        return result


@attrs.frozen
class Check:
    """One thing that must be true; the function raises where it is not, and returns the figures that it measured."""

    name: str
    title: str
    function: Callable[[Bench], Mapping[str, Any] | None]


def demand(found: object, wanted: object, what: str) -> None:
    """Raise Error unless both are equal; a mapping is compared name by name, so that the words are few."""
    if found == wanted:
        return
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        names = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        raise Error(
            f"{what}: {', '.join(f'{name} is {found.get(name)!r}, was {wanted.get(name)!r}' for name in names)}"
        )
    raise Error(f"{what}: found {found!r}, wanted {wanted!r}")
