"""The acceptance checks of a machine without a host program, in a temporary folder; the report has no paths."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import threading
import time
import unicodedata
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors, frames
from ft_dcc.accounts import credentials, local_server
from ft_dcc.contract import checks, run
from ft_dcc.contract.host_under_test import Skipped, expected_error, require_equal
from ft_dcc.files import atomic, sequences
from ft_dcc.install import host_discovery, installation
from ft_dcc.media import ffmpeg
from ft_dcc.settings.resolve import read_settings
from ft_dcc.system import child_process

_HOST, _VERSION = "nuke", "16"
_IDLE_MINUTES, _STOP_TIMEOUT_SECONDS = "0.1", 60
_HELD_SECONDS = 0.5
# In the form that macOS stores: letters and their marks are apart.
_NAME = unicodedata.normalize("NFD", "Übung sh010")
_ENDLESS = ("-re", "-f", "lavfi", "-i", "testsrc2=s=64x36", "-f", "null", "-")
_TREE = (
    "import sys; from ft_dcc.system import child_process as c;"
    "c.start([sys.executable, '-c', 'import time; print(1, flush=True); time.sleep(600)']).wait()"
)
Figures = Mapping[str, Any]


def accept_machine(on_check: Callable[[str], object]) -> dict[str, Any]:
    """Run each check and return the report; ``on_check`` gets the title of each before it runs."""
    results = []
    with atomic.temporary_folder("ft-dcc machine ") as folder:
        machine = _Machine(folder / "studio")
        for number, (name, title, function) in enumerate(_CHECKS):
            on_check(title)
            own = folder / f"check {number}"
            results.append(run.run_check(name, title, own, partial(function, machine, own)))
    version = platform.mac_ver()[0] or platform.release().partition("-")[0]
    facts = {"ffmpeg": ffmpeg.version(), "proxy of the system": bool(urllib.request.getproxies())}
    return run.report_of("Machine", version, None, results, facts)


@attrs.define
class _Machine:
    studio: Path
    account: credentials.Account | None = None

    def install(self, folder: Path) -> Figures:
        here = host_discovery.Machine.here()
        scratch = attrs.evolve(here, home=folder, documents=folder, data=folder, environment={})
        share = folder / "a share"
        for _ in range(2):
            made = installation.install(_HOST, scratch, version=_VERSION, to=share, with_ffmpeg=False)
        count = len(made[0].record.files)
        require_equal(installation.damaged(made[0].folder, made[0].record), [], "files that are missing")
        installation.uninstall(_HOST, scratch, to=share)
        require_equal([path.name for path in share.rglob("*")] if share.exists() else [], [], "files that are left")
        return {"files": count}

    def start_studio(self, folder: Path) -> Figures:
        settings = read_settings({"local_studio_idle": _IDLE_MINUTES})
        before = _visible_windows()
        self.account = local_server.ensure_local_studio(self.studio, settings)
        require_equal(len(_visible_windows() - before), 0, "windows that the studio opened")
        return {"windows": "none" if sys.platform == "win32" else "not counted on this system"}

    def publish(self, folder: Path) -> Figures:
        from ft_dcc.production.tasks import ensure_task
        from ft_dcc.session import Session

        account, source = self._started(), checks.write_images(folder, _NAME)
        with Session(server_url=account.server, api_user=account.user, api_key=account.key) as session:
            task = ensure_task(session, "Acceptance/SEQ010/SH010/Animation", frame_range=frames.FrameRange(1001, 1003))
            checks.publish_source(session, str(task["id"]), source, folder / "jobs")
        return {}

    def _started(self) -> credentials.Account:
        if self.account is None:
            raise Skipped("the local studio did not start")
        return self.account

    def stop_studio(self, folder: Path) -> Figures:
        self._started()
        until = time.monotonic() + _STOP_TIMEOUT_SECONDS
        while local_server.is_running(self.studio):
            if time.monotonic() > until:
                raise errors.Error(f"the local studio did not stop within {_STOP_TIMEOUT_SECONDS} seconds")
            time.sleep(_HELD_SECONDS)
        return {}

    def cancel(self, folder: Path) -> Figures:
        counts: list[int] = []
        with expected_error(errors.Cancelled, "cancelled", "the encode ended by itself"):
            ffmpeg.run(_ENDLESS, on_count=counts.append, is_cancelled=lambda: bool(counts))
        return {}

    def end_tree(self, folder: Path) -> Figures:
        process = child_process.start([sys.executable, "-c", _TREE], stdout=child_process.PIPE)
        if process.stdout is not None:
            process.stdout.readline()
        child_process.end_tree(process)
        process.communicate(timeout=10)
        return {}

    def replace_held(self, folder: Path) -> Figures:
        path, is_held = folder / "journal", threading.Event()
        path.write_bytes(b"old")

        def hold() -> None:
            with path.open("rb"):
                is_held.set()
                time.sleep(_HELD_SECONDS)

        threading.Thread(target=hold, daemon=True).start()
        is_held.wait()
        started = time.monotonic()
        atomic.write_atomically(path, b"new")
        waited = time.monotonic() - started > _HELD_SECONDS / 2
        return {"the system": "waits for the reader" if waited else "does not mind the reader"}

    def compare_names(self, folder: Path) -> Figures:
        checks.write_image(folder / f"{_NAME}.1001.png", 0)
        found = {}
        for what, name in (("case", _NAME.upper()), ("accents", unicodedata.normalize("NFC", _NAME))):
            pattern = folder / f"{name}.%04d.png"
            opens = (folder / f"{name}.1001.png").exists()
            require_equal(1001 in sequences.frame_sizes(str(pattern)), opens, f"frames in other {what}")
            found[what] = "ignored" if opens else "told apart"
        return found

    def use_share(self, folder: Path) -> Figures:
        if sys.platform == "win32":
            share = Path(rf"\\localhost\{folder.drive[0]}$", *folder.parts[1:])
            if not os.access(share, os.W_OK):
                raise Skipped("this user cannot write to the share of this drive; share a folder to try it by hand")
            checks.write_image(share / "sh010.1001.png", 0)
            atomic.write_atomically(share / "journal", b"new")
            require_equal(str(frames.find_frames(str(share / "sh010.%04d.png"))), "1001", "the frames")
            return {}
        raise Skipped("this system has no UNC paths")


_CHECKS: tuple[tuple[str, str, Callable[[_Machine, Path], Figures]], ...] = (
    ("studio", "The local studio starts without a window", _Machine.start_studio),
    ("publish", "Images with a space and an accent in their name are published", _Machine.publish),
    ("stop", "The local studio stops when it is not used", _Machine.stop_studio),
    ("install", "The suite is installed, installed again and removed", _Machine.install),
    ("cancel", "A cancelled encode ends", _Machine.cancel),
    ("tree", "A program ends with those that it has started", _Machine.end_tree),
    ("held file", "A file is replaced while another program reads it", _Machine.replace_held),
    ("names", "Names are compared as the system compares them", _Machine.compare_names),
    ("share", "Frames are read and written by a UNC path", _Machine.use_share),
)


def _visible_windows() -> set[int]:
    """Return the visible windows of Windows; none elsewhere."""
    found: set[int] = set()
    if sys.platform == "win32":
        user = ctypes.windll.user32
        kind = ctypes.WINFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p)
        visit = kind(
            lambda window, _: bool(user.IsWindowVisible(ctypes.c_void_p(window)) and found.add(window)) or True
        )
        user.EnumWindows(visit, None)
    return found
