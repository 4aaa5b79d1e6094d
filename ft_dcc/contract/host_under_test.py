"""The interface between the acceptance checks and a host program."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Protocol

import attrs

from ft_dcc.errors import Error
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import Host, PlayblastRequest
from ft_dcc.host_support.main_thread import ThreadCall


class HostUnderTest(Protocol):
    """A host program under test. All methods are called on its main thread."""

    @property
    def host(self) -> Host:
        """The adapter under test."""

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
class CheckContext:
    """The input of a check."""

    target: HostUnderTest
    folder: Path
    # To publish to.
    task: str
    has_person: bool = False
    # Captions and Base64 text of PNG images, shown side by side on the page of the results.
    images: list[dict[str, str]] = attrs.field(factory=list)

    @property
    def host(self) -> Host:
        """The adapter under test."""
        return self.target.host

    def show(self, caption: str, path: Path) -> None:
        """Show a PNG on the page of the results."""
        self.images.append({"caption": caption, "png": base64.b64encode(path.read_bytes()).decode("ascii")})

    def request(self, frames: str = "1001-1003", resolution: str = "64x36", **values: Any) -> PlayblastRequest:
        """Return a request to capture the scene's first source into the check's folder."""
        parts = {"source": self.host.scene().sources[0], "directory": self.folder, "name": "shot", **values}
        return PlayblastRequest(frame_range=FrameRange.parse(frames), resolution=Resolution.parse(resolution), **parts)

    def capture(self, frames: str = "1001-1003", resolution: str = "64x36", **values: Any) -> Frames:
        """Capture these frames of the scene's first source, or as ``values`` of the request say."""
        return self.host.playblast(self.request(frames, resolution, **values), lambda frame: None)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Fail if the scene is different at the end of the block."""
        before = self.target.state()
        yield
        require_equal(self.target.state(), before, "the scene has changed")

    def require_window(self) -> None:
        """Raise Skipped without a window."""
        if not self.target.has_window:
            raise Skipped("there is no window, and so no view")

    def run_in_thread(self, function: Callable[[], Any]) -> Any:
        """Run the function on another thread while the program processes events, and return its result."""
        call = ThreadCall(function, "ft-dcc")
        thread = threading.Thread(target=call.run, name="ft-dcc acceptance", daemon=True)
        thread.start()
        self.target.process_events_until(thread)
        return call.wait(None)


@attrs.frozen
class Check:
    """A check: its function raises an error on failure and returns measured figures."""

    name: str
    title: str
    function: Callable[[CheckContext], Mapping[str, Any] | None]


@contextmanager
def expected_error(kind: type[Exception], words: str, otherwise: str) -> Iterator[None]:
    """Fail with the sentence ``otherwise`` unless the block raises such an error, whose message has the words."""
    try:
        yield
    except kind as error:
        require_equal(words in str(error), True, f"the error {error} contains {words!r}")
    else:
        raise Error(otherwise)


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
