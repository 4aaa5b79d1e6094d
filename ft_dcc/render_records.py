"""What a program writes down while it renders: small records on disk, which whoever publishes joins.

Each execution, in whichever process on whichever machine, appends to a file of its own: nobody waits for anybody.
The files of one render lie in one folder: those of the tasks of a farm, too, where all see the folder of the setting
``renders``.
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
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.config import read_settings
from ft_dcc.errors import DiskUnusable

# Whoever submits a farm's job may say which render its tasks belong to, and which frames it is to have.
RENDER_VARIABLE, FRAMES_VARIABLE = "FT_DCC_RENDER", "FT_DCC_RENDER_FRAMES"
OFF, ASK, ALWAYS = "off", "ask", "always"


@attrs.frozen
class Wish:
    """What the artist said beforehand about the version: ``when`` is OFF, ASK or ALWAYS.

    ``frames`` are those that it must have, "1001-1100x2", and "" for the whole range of the script. ``shown`` is how
    an OCIO config shows them, "display/view", and "" for what the settings say.
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
class Execution:
    """One run of one node through some frames: what is known when it begins.

    ``render`` is the same for all executions that together make one render. ``script_range`` is the range that the
    script gives the node, first and last frame; ``views`` are all that it writes, the main one first; ``fps`` is exact,
    "24000/1001"; ``colour_space`` and ``ocio`` are those of the files; ``window`` says in whose window it was begun.
    """

    render: str
    node: str
    script: str
    program: str
    wish: Wish
    fps: str
    script_range: tuple[int, ...] = attrs.field(converter=_numbers)
    views: tuple[str, ...] = attrs.field(default=(), converter=_names)
    is_proxy: bool = False
    colour_space: str = ""
    ocio: str = ""
    window: str = ""
    machine: str = attrs.field(factory=platform.node)
    pid: int = attrs.field(factory=os.getpid)
    time: float = attrs.field(factory=time.time)


def renders_folder(folder: Path | None = None) -> Path:
    """Return where the records lie: the folder that is given, else the setting ``renders``."""
    return (folder or Path(read_settings().need("renders"))).absolute()


def identify(script: str, environ: Mapping[str, str] | None = None) -> str:
    """Return what the tasks of one render have in common: what their submitter says, else what the script says.

    A task that is run again renders the same script, wherever the farm has put its copy. A script that was never saved
    has nothing in common with that of another process.
    """
    said = (os.environ if environ is None else environ).get(RENDER_VARIABLE)
    if said:
        return f"job {said}"
    if not script:
        return _of_this_process()
    try:
        return f"script {hashlib.blake2b(Path(script).read_bytes(), digest_size=16).hexdigest()}"
    except OSError:
        return f"path {script}"


@functools.lru_cache(maxsize=1)
def _of_this_process() -> str:
    return f"process {secrets.token_hex(8)}"


@attrs.frozen
class Record:
    """The file of one execution; each line is on its way to the disk when a method returns."""

    path: Path

    @classmethod
    def begin(cls, execution: Execution, folder: Path | None = None) -> Record:
        """Return the new record; raises DiskUnusable or SettingInvalid."""
        home = renders_folder(folder) / digest(execution.render, execution.node)
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(execution.time))
        record = cls(home / f"{moment}-{execution.pid}-{secrets.token_hex(4)}.jsonl")
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DiskUnusable(f"{home} cannot be made: {error.strerror}. Set FT_DCC_RENDERS.") from error
        record._append({"begin": attrs.asdict(execution)})
        return record

    def add(self, frame: int, files: Mapping[str, str]) -> None:
        """The frame was rendered to these files, one for each view; a path may hold the number as ``%04d``."""
        self._append({"frame": frame, "files": dict(files)})

    def end(self) -> None:
        """The execution went through all of its frames."""
        self._append({"end": True})

    def _append(self, line: Mapping[str, Any]) -> None:
        try:
            with self.path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise DiskUnusable(f"{self.path} cannot be written: {error.strerror}. Set FT_DCC_RENDERS.") from error


@attrs.frozen
class Told:
    """What a record says: the frames in the order in which they were rendered, and whether it came to its end."""

    execution: Execution
    frames: tuple[tuple[int, Mapping[str, str]], ...]
    is_ended: bool


def read_record(path: Path) -> Told | None:
    """Return what a record says so far, or None when it says nothing that can be read."""
    try:
        # What a crash or a full disk left of the last line does not count.
        lines = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        begin = dict(lines[0]["begin"])
        execution = Execution(**{**begin, "wish": Wish(**begin["wish"])})
        frames = tuple((int(line["frame"]), line["files"]) for line in lines if "frame" in line)
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    return Told(execution, frames, any("end" in line for line in lines))


def digest(*parts: str) -> str:
    """Return a name for what these parts say together, the same on every machine."""
    return hashlib.blake2b("\n".join(parts).encode("utf-8"), digest_size=8).hexdigest()
