"""Folders of a studio's storage with another path on each system; stored paths are read with a machine's own."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from ft_dcc.errors import SettingInvalid

SYSTEMS = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}
_ROOT = re.compile(r"\s*([\w .-]+?)\s*:\s*((?:linux|macos|windows)\s*=.*)")
_PATH = re.compile(r"(linux|macos|windows)\s*=\s*(.*?)\s*(?:,\s*(?=(?:linux|macos|windows)\s*=)|$)")
# A drive, or a share: \\server\share. Also with slashes, as Maya and Nuke write them.
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\|//")


def this_system() -> str:
    """Return the key of this machine's system in ``SYSTEMS``."""
    return {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")


def is_windows_path(path: str) -> bool:
    r"""Return whether a path is absolute on Windows.

    >>> is_windows_path("P:/show/a.exr"), is_windows_path(r"\\server\show"), is_windows_path("/mnt/show")
    (True, True, False)
    """
    return _WINDOWS.match(path) is not None


class Root(NamedTuple):
    """A folder of the studio's storage: its absolute path by system."""

    name: str
    paths: Mapping[str, str]

    @property
    def here(self) -> Path | None:
        """Its folder on this machine, None if it has none."""
        path = self.paths.get(this_system())
        return Path(path) if path else None

    def relative(self, path: str) -> str | None:
        """Return the part of a path of any system below this root, with slashes, or None if it is not below it."""
        for system, folder in self.paths.items():
            texts = [path.rstrip("/"), folder.rstrip("/")]
            if system == "windows":
                texts = [text.replace("\\", "/").rstrip("/") for text in (path, folder)]
            found, base = (text.casefold() if system == "windows" else text for text in texts)
            if found == base or found.startswith(f"{base}/"):
                # By the length of the folder: case folding may change that of the rest.
                return texts[0][len(texts[1]) :].lstrip("/")
        return None


class Roots(NamedTuple):
    """The roots of a studio, the first one for paths that name none."""

    roots: tuple[Root, ...] = ()

    def find(self, path: str) -> tuple[Root, str] | None:
        """Return the innermost root of a path of any system, and the path below it; None if it is below none."""
        found = [(root, relative) for root in self.roots if (relative := root.relative(path)) is not None]
        return min(found, key=lambda each: len(each[1]), default=None)

    def to_local(self, path: str) -> str:
        """Return the path on this machine of a path of any machine; unchanged if it is below no root of this system."""
        root, relative = self.find(path) or (None, "")
        folder = None if root is None else root.here
        return path if folder is None else str(folder / relative)

    def why_unreachable(self, path: str) -> str | None:
        """Return why this machine cannot see a path of any machine, None if the reason can only be a missing file."""
        system, (root, _) = SYSTEMS[this_system()], self.find(path) or (None, "")
        folder = None if root is None else root.here
        if root is not None and folder is None:
            return f"the root {root.name} has no folder on {system}: add one to the setting roots"
        if root is not None and folder is not None and not folder.is_dir():
            return f"the root {root.name}, {folder}, is not mounted on this machine"
        if root is None and is_windows_path(path) != (this_system() == "windows"):
            other = "Windows" if is_windows_path(path) else "Linux or macOS"
            return f"it is a path of {other}, and this machine runs {system}: add its folder to the setting roots"
        return None


def parse_root(text: str) -> Root:
    r"""Return the root of a line of the setting; raise SettingInvalid.

    >>> parse_root(r"show: linux=/mnt/show, windows=P:\show").paths
    {'linux': '/mnt/show', 'windows': 'P:\\show'}
    """
    line = _ROOT.fullmatch(text)
    paths = {found[1]: found[2] for found in _PATH.finditer(line[2])} if line else {}
    if line is None or not paths or not all(paths.values()):
        raise SettingInvalid(
            f"{text!r} is not a root. Write it as 'show: linux=/mnt/show, macos=/Volumes/show, windows=P:\\show'."
        )
    for system, path in paths.items():
        kind = PureWindowsPath if system == "windows" else PurePosixPath
        if not kind(path).is_absolute() or ".." in kind(path).parts:
            raise SettingInvalid(f"{path!r} is not an absolute path of {SYSTEMS[system]}. Change the root {line[1]}.")
    return Root(line[1], paths)


def roots_of(lines: Iterable[str], others: Iterable[Root] = ()) -> Roots:
    """Return the roots of the setting's lines, and others after them; raise SettingInvalid."""
    return Roots((*map(parse_root, lines), *(root for root in others if root.paths)))
