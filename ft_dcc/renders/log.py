"""The log of a render: small files on disk that each execution appends to, merged when the render is published.

Each execution, in whichever process on whichever machine, appends to a file of its own, so that none waits for another.
The files of one render are in one folder; the tasks of a farm need a folder (setting ``renders``) that all can reach.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.files import atomic, checksum
from ft_dcc.settings.resolve import read_settings, source_of

# The submitter of a farm's job may set the render that its tasks belong to, and the frames that they render.
RENDER_VARIABLE, FRAMES_VARIABLE = "FT_DCC_RENDER", "FT_DCC_RENDER_FRAMES"
# The ids of jobs that farms give their tasks: AWS Deadline Cloud, OpenCue.
FARM_VARIABLES = ("DEADLINE_JOB_ID", "CUE_JOB_ID")
OFF, ASK, ALWAYS = "off", "ask", "always"


@attrs.frozen
class RenderOptions:
    """The options of the later publish of a render."""

    # OFF, ASK or ALWAYS.
    when: str
    task: str = ""
    review: str = ""
    comment: str = ""
    # The frames that the version must have ("1001-1100x2"), "" for the script's range.
    frames: str = ""
    # The display and view of an OCIO config ("display/view"), "" for the setting.
    shown: str = ""


@attrs.frozen
class RenderExecution:
    """One run of one node through some frames, as it is known at its start."""

    # The id that all executions of one render share.
    render: str
    node: str
    script: str
    program: str
    options: RenderOptions
    # Exact ("24000/1001").
    fps: str
    # The first and last frame that the script gives the node.
    script_range: tuple[int, ...]
    # All views that it writes, the main one first.
    views: tuple[str, ...] = ()
    is_proxy: bool = False
    # Those of the files.
    colour_space: str = ""
    ocio: str = ""
    # The id of the window that started it.
    window: str = ""
    # Whether the rendered script differs from its file.
    has_unsaved_changes: bool = False
    # The frames that the submitter of all executions wants rendered ("1001-1100x2"), "" if it has not named them.
    requested: str = ""
    # The number in the name of a frame's file, minus the frame.
    file_shift: int = 0
    # What follows the task in the name of the asset, if other nodes of the script publish to the task.
    asset_suffix: str = ""
    machine: str = attrs.field(factory=platform.node)
    pid: int = attrs.field(factory=os.getpid)
    time: float = attrs.field(factory=time.time)

    @property
    def is_in_window(self) -> bool:
        """Whether the process of the window renders, and not a child process of it or one of a farm."""
        return self.render.startswith(WINDOW_PREFIX)


# Of the ids of renders in the process of a window.
WINDOW_PREFIX = "window "


def renders_folder(folder: Path | None = None) -> Path:
    """Return the folder of the logs: ``folder`` if it is given, else the setting ``renders``."""
    return (folder or Path(read_settings().require("renders"))).absolute()


def derive_render_id(script: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the id of all tasks of a render: the submitter's, the farm job's, or one of the script's content."""
    # A task that runs again renders the same script, wherever the farm has copied it. A script that was never saved
    # gets an id of this process.
    environ = os.environ if environ is None else environ
    submitted = next((environ[name] for name in (RENDER_VARIABLE, *FARM_VARIABLES) if environ.get(name)), None)
    if submitted is not None:
        return f"job {submitted}"
    if not script:
        return _process_id()
    try:
        return f"script {hashlib.blake2b(Path(script).read_bytes(), digest_size=16).hexdigest()}"
    except OSError:
        return f"path {script}"


@functools.lru_cache(maxsize=1)
def _process_id() -> str:
    return f"process {secrets.token_hex(8)}"


@attrs.frozen
class RenderLogWriter:
    """The log file of one execution; each line is handed to the system when a method returns."""

    path: Path

    @classmethod
    def start(cls, execution: RenderExecution, folder: Path | None = None) -> RenderLogWriter:
        """Return the writer of a new log; raise StorageError or SettingInvalid."""
        home = renders_folder(folder) / digest(execution.render, execution.node)
        timestamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(execution.time))
        writer = cls(home / f"{timestamp}-{execution.pid}-{secrets.token_hex(4)}.jsonl")
        with _storage_error(f"{home} cannot be created"):
            home.mkdir(parents=True, exist_ok=True)
        revision: dict[str, str] = {}
        if execution.script:
            # Without the checksum and the time of a file that cannot be read.
            with suppress(OSError):
                revision = checksum.revision_of(Path(execution.script))
        append_line(writer.path, {"begin": attrs.asdict(execution), "revision": revision})
        return writer

    def add(self, frame: int, files: Mapping[str, str]) -> None:
        """Log a rendered frame with its file for each view; a path may contain the number as ``%04d``."""
        append_line(self.path, {"frame": frame, "files": dict(files)})

    def end(self) -> None:
        """Log that the execution has rendered all of its frames."""
        append_line(self.path, {"end": True})


def append_line(path: Path, line: Mapping[str, Any]) -> None:
    """Append a line of JSON to a file of the renders folder; raise StorageError."""
    with _storage_error(f"{path} cannot be written"), path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(line) + "\n")


@contextmanager
def _storage_error(what: str) -> Iterator[None]:
    with atomic.storage_errors(what, f"Choose a writable folder with {source_of('renders')}."):
        yield


@attrs.frozen
class RenderLog:
    """The content of one log: the frames in the order of their rendering, and whether the execution has ended."""

    execution: RenderExecution
    frames: tuple[tuple[int, Mapping[str, str]], ...]
    is_ended: bool
    # "sha256" and "modified" of the script's file when the execution began.
    script_revision: Mapping[str, str] = attrs.field(factory=dict)


def read_log(path: Path) -> RenderLog | None:
    """Return the content of a log so far, or None if it cannot be read."""
    try:
        # An incomplete last line, left by a crash or a full disk, is ignored.
        lines = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        begin, revision = lines[0]["begin"].items(), dict(lines[0]["revision"])
        fields: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in begin}
        execution = RenderExecution(options=RenderOptions(**fields.pop("options")), **fields)
        frames = tuple((int(line["frame"]), line["files"]) for line in lines if "frame" in line)
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    return RenderLog(execution, frames, any("end" in line for line in lines), revision)


def read_script(path: Path) -> str | None:
    """Return the script of a log from its first line, or None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return str(json.loads(file.readline())["begin"]["script"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def digest(*parts: str) -> str:
    """Return a file name derived from these texts, the same on every machine."""
    return hashlib.blake2b("\n".join(parts).encode("utf-8"), digest_size=8).hexdigest()
