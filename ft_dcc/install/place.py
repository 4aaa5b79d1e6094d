"""One place at which a host finds the suite."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import attrs

from ft_dcc.install import vendored
from ft_dcc.install.programs import Python


@attrs.frozen
class Place:
    """A folder of ours for some versions of a host, and what belongs beside it.

    ``python`` is the oldest of theirs; ``program`` the one that installs for itself; ``hints`` are what the artist has
    to do besides.
    """

    host: str
    folder: Path
    versions: tuple[str, ...]
    python: Python
    beside: Mapping[str, str] = attrs.field(factory=dict)
    hints: tuple[str, ...] = ()
    program: Path | None = None


def copy_package(name: str, folder: Path, *, without: str = "") -> None:
    """The package lies in the folder by its own name, without the part that belongs elsewhere."""
    home = vendored.package_folder(name)
    for source in vendored.sources(name):
        path = source.relative_to(home)
        if path.parts[0] != without:
            target = folder / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
