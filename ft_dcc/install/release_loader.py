"""Find the deployed release that a host program uses, and put it on the path of its Python.

``ft-dcc deploy`` copies this module beside the start-up scripts of each host, as ``ft_dcc_release``, so it imports
nothing of the suite.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import platform
import re
import secrets
import sys
import threading
from pathlib import Path
from typing import Any

CURRENT, RELEASES, LEASES, FACTS = "current.json", "releases", "leases", "release.json"
# Selects a release for one host process, for example in a Rez package.
RELEASE_VARIABLE = "FT_DCC_RELEASE"
# The reason of a version that the administrator left out; other versions are served if there are packages for them.
EXCLUDED = "it was deployed without it"
RELEASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
# A lease without renewal for two weeks is stale; a running host renews its own much more often.
_RENEWAL_INTERVAL_SECONDS = 6 * 60 * 60
_REMEDY = "Ask your administrator for: ft-dcc deploy"
_TITLES = {"maya": "Maya", "nuke": "Nuke", "blender": "Blender"}
_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}

_activated: dict[str, bool] = {}


class Unusable(Exception):
    """A deployment that this host program cannot use; the text is a sentence for the artist."""


def activate(host: str, version: str) -> bool:
    """Put the release in use on the path once; return whether the adapter can be imported, else say why on stderr."""
    if host not in _activated:
        try:
            _use_release(host, version)
            _activated[host] = True
        except Unusable as problem:
            sys.stderr.write(f"ft-dcc is not loaded: {problem}\n")
            _activated[host] = False
    return _activated[host]


def system_name() -> str:
    """Return the name of this system in a release: linux-x86_64, macos-arm64, windows-x86_64."""
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")
    machine = platform.machine().lower()
    return f"{system}-{_MACHINES.get(machine, machine)}"


def _use_release(host: str, version: str) -> None:
    other = importlib.util.find_spec(f"ft_dcc_{host}")
    if other is not None:
        raise Unusable(
            f"another installation is used: {Path(str(other.origin)).parent}. To use the studio's, run: "
            f"ft-dcc uninstall {host}"
        )
    # Not resolved: each system has the folder under its own path.
    here = Path(__file__).absolute()
    top = next((parent for parent in here.parents if (parent / CURRENT).is_file()), None)
    if top is None:
        raise Unusable(f"{CURRENT} is missing above {here.parent}. {_REMEDY}")
    name = os.environ.get(RELEASE_VARIABLE) or _read(top / CURRENT).get("release")
    if not isinstance(name, str) or not RELEASE_NAME.fullmatch(name):
        raise Unusable(f"{name!r} is not the name of a release in {top}. {_REMEDY}")
    release = top / RELEASES / name
    packages = _choose_packages(release, _read(release / FACTS), host, version)
    system = release / "systems" / system_name()
    for folder in (packages, *([system] if system.is_dir() else [])):
        # The host's own packages take precedence.
        sys.path.append(str(folder))
    _leave_lease(top / LEASES, name, f"{_TITLES[host]} {version}")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unusable(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}. {_REMEDY}") from error
    if not isinstance(found, dict):
        raise Unusable(f"{path} is not a JSON object. {_REMEDY}")
    return found


def _choose_packages(release: Path, facts: dict[str, Any], host: str, version: str) -> Path:
    """Return the newest folder of packages that this Python can run; raise Unusable."""
    try:
        served: dict[str, str] = facts["hosts"].get(host, {version: EXCLUDED})
        reason = served.get(version)
        names: list[str] = facts["packages"]
        folders = {python_of(name): release / "packages" / name for name in names}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unusable(f"{release / FACTS} is damaged. {_REMEDY}") from error
    if reason == EXCLUDED:
        raise Unusable(f"release {release.name} does not serve {_TITLES[host]} {version}: {reason}")
    own = (sys.version_info[0], sys.version_info[1])
    usable = [python for python in folders if python <= own]
    if not usable:
        oldest = ".".join(map(str, min(folders, default=(3, 9))))
        raise Unusable(
            f"release {release.name} needs Python {oldest}, and {_TITLES[host]} {version} runs {own[0]}.{own[1]}"
        )
    chosen = folders[max(usable)]
    if not chosen.is_dir():
        raise Unusable(f"{chosen} is missing. {_REMEDY}")
    return chosen


def python_of(name: str) -> tuple[int, int]:
    """Return the Python of a folder of packages: py3.9."""
    major, minor = name[len("py") :].split(".")
    return int(major), int(minor)


def _leave_lease(folder: Path, release: str, host: str) -> None:
    """Write a file that keeps the release from being pruned while this process runs, if the folder is writable."""
    path, process, ended = folder / f"{release}~{secrets.token_hex(8)}.json", os.getpid(), threading.Event()
    try:
        path.write_text(json.dumps({"host": host}), encoding="utf-8")
    except OSError:
        # A share that is read-only for artists has no leases.
        return

    def renew() -> None:
        while not ended.wait(_RENEWAL_INTERVAL_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(path)

    def remove() -> None:
        ended.set()
        if os.getpid() == process:
            with contextlib.suppress(OSError):
                path.unlink()

    threading.Thread(target=renew, name="ft-dcc lease", daemon=True).start()
    atexit.register(remove)
