"""The interface between the acceptance checks and a host program."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, Protocol

import attrs

from ft_dcc.errors import Error
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import Host, PlayblastRequest


class HostUnderTest(Protocol):
    """A host program under test. All methods are called on its main thread."""

    @property
    def host(self) -> Host:
        """The adapter under test."""

    @property
    def can_capture(self) -> bool:
        """Whether the program can capture frames as it was started."""

    @property
    def has_window(self) -> bool:
        """Whether the program has a window, and so a menu."""

    def build(self) -> None:
        """Open a new scene: frames 1001 to 1012, 24 fps, 64x36, two sources, animated."""

    def state(self) -> Any:
        """Return everything in the scene that a capture could change, as comparable values."""

    def process_events_until(self, thread: threading.Thread) -> None:
        """Run the program's event loop until the thread has ended."""

    def reopen(self, path: Path) -> None:
        """Save the scene at the path, which has no suffix, and open it again."""

    def menu(self) -> Sequence[str] | None:
        """Return all labels of the ft-dcc menu, [] while it is removed, or None if the program has none."""

    def set_menu(self, *, is_installed: bool) -> None:
        """Install the menu, also if it exists, or remove it."""

    def facts(self) -> Mapping[str, Any]:
        """Return further facts for the report, such as the toolkit and the flags of commands."""

    @property
    def checks(self) -> Sequence[Check]:
        """The checks for this program only."""


class Skipped(Error):
    """A check that does not apply to the program as it was started."""


@attrs.frozen
class CheckImage:
    """An image of a check for the page of the results: its caption, and the content of the PNG."""

    caption: str
    png: bytes


@attrs.frozen
class CheckContext:
    """The input of a check: the program, a folder, the task to publish to, and whether a user is present.

    ``images`` are shown side by side on the page of the results.
    """

    target: HostUnderTest
    folder: Path
    task: str
    has_person: bool = False
    images: list[CheckImage] = attrs.field(factory=list)

    @property
    def host(self) -> Host:
        """The adapter under test."""
        return self.target.host

    def show(self, caption: str, path: Path) -> None:
        """Show a PNG on the page of the results."""
        self.images.append(CheckImage(caption, path.read_bytes()))

    def request(self, frames: str = "1001-1003", resolution: str = "64x36", **values: Any) -> PlayblastRequest:
        """Return a request to capture the scene's first source into the check's folder."""
        if not self.target.can_capture:
            raise Skipped("the program cannot capture frames as it was started")
        parts = {"source": self.host.scene().sources[0], "directory": self.folder, "name": "shot", **values}
        return PlayblastRequest(frame_range=FrameRange.parse(frames), resolution=Resolution.parse(resolution), **parts)

    def run_in_thread(self, function: Callable[[], Any]) -> Any:
        """Run the function on another thread while the program processes events, and return its result."""
        outcome: list[Any] = []

        def call() -> None:
            try:
                outcome.append((function(), None))
            except BaseException as error:  # noqa: BLE001 - raised again below
                outcome.append((None, error))

        thread = threading.Thread(target=call, name="ft-dcc acceptance", daemon=True)
        thread.start()
        self.target.process_events_until(thread)
        thread.join()
        result, error = outcome[0]
        if error is not None:
            raise error
        return result


@attrs.frozen
class Check:
    """A check: its function raises an error on failure and returns measured figures."""

    name: str
    title: str
    function: Callable[[CheckContext], Mapping[str, Any] | None]


def require_equal(found: object, expected: object, what: str) -> None:
    """Raise Error unless both values are equal; for mappings, name the differing keys only."""
    if found == expected:
        return
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        names = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        raise Error(
            f"{what}: {', '.join(f'{name} is {found.get(name)!r}, was {expected.get(name)!r}' for name in names)}"
        )
    raise Error(f"{what}: found {found!r}, expected {expected!r}")
