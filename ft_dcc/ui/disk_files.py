"""Where the files of a version are on disk, for a panel or dialog, and what an artist does with them there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from ft_dcc.errors import Error, StorageError
from ft_dcc.files.sequences import split_frame_number
from ft_dcc.frames import find_frames
from ft_dcc.host import Host, LoadsFrames
from ft_dcc.host_support.main_thread import run_when_idle
from ft_dcc.system import child_process
from ft_dcc.ui.background import Loaded

if TYPE_CHECKING:
    from ft_dcc.production.stored_files import DiskComponent, StoredVersion
    from ft_dcc.session import Session

# A file browser that runs longer has opened its window.
_START_TIMEOUT_SECONDS = 5


class DiskFiles(Loaded["StoredVersion | None"]):
    """The components on disk of the version that is shown, and the sentence of the last frames that were loaded."""

    def __init__(self, on_change: Callable[[], object]) -> None:
        super().__init__("Finding the files", None, on_change)
        self.message = ""
        # The version that is shown, whether its files were found already or not.
        self.version_id: str | None = None

    def read(self, session: Session, version_id: str) -> None:
        """Find the files of the version, once while it is shown."""
        if version_id == self.version_id:
            return
        self.version_id = version_id

        def read() -> StoredVersion | None:
            from ft_dcc.production.stored_files import read_versions

            return next(iter(read_versions(session, [version_id])), None)

        self.load(read)

    @property
    def components(self) -> tuple[DiskComponent, ...]:
        """The components of the version that is shown, none until they are found."""
        return self.value.components if self.value is not None and self.value.id == self.version_id else ()

    def open_folder(self, path: str) -> None:
        """Show the file, or the frames of a pattern, in the file browser of the system."""
        self.message = ""
        self.run("Opening the folder", partial(open_folder, path))

    def load_frames(self, host: Host, pattern: str, source: str = "") -> None:
        """Load the frames into the scene; ``source`` is what they were made from."""
        self.message = ""

        def work() -> None:
            if not isinstance(host, LoadsFrames):
                raise Error(f"{host.name} cannot load frames of versions. Load {pattern} yourself.")
            load = partial(host.load_frames, pattern, find_frames(pattern), source)
            self.message = run_when_idle(host, load)

        self.run("Loading the frames", work, uses_scene=True)

    def clear(self) -> None:
        """Forget the version; what was loaded into the scene stays."""
        super().clear()
        self.message, self.version_id = "", None


def has_frames(path: str) -> bool:
    """Return whether a path of a version, also one of another system, names frames; the disk is not read."""
    return split_frame_number(PureWindowsPath(path).name) is not None


def open_folder(path: str) -> None:
    """Open the folder of a file in the file browser of the system, without a shell.

    Raises StorageError for a folder that does not exist, and Error if the system opens no window.
    """
    folder = Path(path).parent
    try:
        if not folder.is_dir():
            raise StorageError(f"The folder {folder} does not exist any more. Ask where its files were moved to.")
        if sys.platform == "win32":
            os.startfile(folder)  # noqa: S606 - a folder, which the file browser opens
            return
        # A folder of macOS may be a program, which "open" would start: its content is revealed instead.
        command = ["open", "-R", str(next(folder.iterdir(), folder))] if sys.platform == "darwin" else []
        quiet, environment = child_process.DEVNULL, child_process.environment_of_programs()
        command = command or ["xdg-open", str(folder)]
        code = child_process.start(command, stdout=quiet, stderr=quiet, env=environment).wait(_START_TIMEOUT_SECONDS)
    except child_process.TimeoutExpired:
        return
    except OSError as error:
        raise Error(f"{folder} cannot be opened: {error.strerror}. Open it in your file browser.") from error
    if code:
        raise Error(f"The system has no program that opens {folder} (code {code}). Open it in your file browser.")
