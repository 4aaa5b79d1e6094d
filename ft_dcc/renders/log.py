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
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.errors import StorageError
from ft_dcc.files.checksum import revision_of
from ft_dcc.settings.resolve import read_settings

# The submitter of a farm's job may set the render that its tasks belong to, and the expected frames.
RENDER_VARIABLE, FRAMES_VARIABLE = "FT_DCC_RENDER", "FT_DCC_RENDER_FRAMES"
# The ids of jobs that farms give their tasks: AWS Deadline Cloud, OpenCue.
FARM_VARIABLES = ("DEADLINE_JOB_ID", "CUE_JOB_ID")
OFF, ASK, ALWAYS = "off", "ask", "always"


@attrs.frozen
class PublishOptions:
    """The options of the later publish: ``when`` is OFF, ASK or ALWAYS.

    ``frames`` are the required frames ("1001-1100x2"), "" for the script's range. ``shown`` is the display and view of
    an OCIO config ("display/view"), "" for the setting.
    """

    when: str
    task: str = ""
    review: str = ""
    comment: str = ""
    frames: str = ""
    shown: str = ""


def _numbers(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(map(int, values))


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@attrs.frozen
class RenderExecution:
    """One run of one node through some frames, as it is known at its start.

    ``render`` is the id that all executions of one render share. ``script_range`` is the first and last frame that the
    script gives the node; ``views`` are all views that it writes, the main one first; ``fps`` is exact ("24000/1001");
    ``colour_space`` and ``ocio`` are those of the files; ``window`` is the id of the window that started it;
    ``has_unsaved_changes`` is whether the rendered script differs from its file.
    """

    render: str
    node: str
    script: str
    program: str
    options: PublishOptions
    fps: str
    script_range: tuple[int, ...] = attrs.field(converter=_numbers)
    views: tuple[str, ...] = attrs.field(default=(), converter=_names)
    is_proxy: bool = False
    colour_space: str = ""
    ocio: str = ""
    window: str = ""
    has_unsaved_changes: bool = False
    machine: str = attrs.field(factory=platform.node)
    pid: int = attrs.field(factory=os.getpid)
    time: float = attrs.field(factory=time.time)


def renders_folder(folder: Path | None = None) -> Path:
    """Return the folder of the logs: ``folder`` if it is given, else the setting ``renders``."""
    return (folder or Path(read_settings().require("renders"))).absolute()


def derive_render_id(script: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the id that all tasks of one render share.

    It is the submitter's, else that of the farm's job, else one derived from the script's content.
    A task that runs again renders the same script, wherever the farm has copied it. A script that was never saved gets
    an id of this process.
    """
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
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"{home} cannot be created: {error.strerror}. Choose a writable folder with FT_DCC_RENDERS."
            ) from error
        fields = attrs.asdict(execution)
        # Logs of all releases have this key.
        # Releases that do not know the line of the script skip it; an unknown field would hide the log from them.
        revision = {"has_unsaved_changes": fields.pop("has_unsaved_changes"), **_revision(execution.script)}
        append_line(writer.path, {"begin": fields})
        append_line(writer.path, {"script": revision})
        return writer

    def add(self, frame: int, files: Mapping[str, str]) -> None:
        """Log a rendered frame with its file for each view; a path may contain the number as ``%04d``."""
        append_line(self.path, {"frame": frame, "files": dict(files)})

    def end(self) -> None:
        """Log that the execution has rendered all of its frames."""
        append_line(self.path, {"end": True})


def _revision(script: str) -> dict[str, str]:
    """Return the checksum and the time of the script's file; {} if it was never saved or cannot be read."""
    if not script:
        return {}
    with suppress(OSError):
        return revision_of(Path(script))
    return {}


def append_line(path: Path, line: Mapping[str, Any]) -> None:
    """Append a line of JSON to a file of the renders folder; raise StorageError."""
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(line) + "\n")
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}. Choose a writable folder with FT_DCC_RENDERS."
        ) from error


@attrs.frozen
class RenderLog:
    """The content of one log: the frames in the order of their rendering, and whether the execution has ended.

    ``script_revision`` has "sha256" and "modified" of the script's file when the execution began.
    """

    execution: RenderExecution
    frames: tuple[tuple[int, Mapping[str, str]], ...]
    is_ended: bool
    script_revision: Mapping[str, str] = attrs.field(factory=dict)


def read_log(path: Path) -> RenderLog | None:
    """Return the content of a log so far, or None if it cannot be read."""
    try:
        # An incomplete last line, left by a crash or a full disk, is ignored.
        lines = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        fields = dict(lines[0]["begin"])
        revision = next((dict(line["script"]) for line in lines if "script" in line), {})
        fields["has_unsaved_changes"] = bool(revision.pop("has_unsaved_changes", False))
        execution = RenderExecution(options=PublishOptions(**fields.pop("options")), **fields)
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
