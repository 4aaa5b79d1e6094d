"""Nuke: one folder that is on its plug-in path.

Nuke reads ``init.py`` in the folder ``.nuke`` of the user's home, and the folders on NUKE_PATH. Source: Foundry's page
on loading gizmos, plug-ins and scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ft_dcc.install import vendored
from ft_dcc.install.place import Place, copy_package
from ft_dcc.install.programs import Machine, Python

_INIT = """# There was no init.py, so "ft-dcc install nuke" wrote this one.
# "ft-dcc uninstall nuke" removes it as long as nobody changes it.
import nuke

{line}
"""


def places(
    machine: Machine, versions: Sequence[str], python: Python, *, is_asked: bool, to: Path | None
) -> list[Place]:
    """Return the one place: a folder of ours for every Nuke, and the line by which Nuke finds it.

    An ``init.py`` of the artist's is not touched: then the line is theirs to add.
    """
    # On a share Maya's module may lie beside it.
    folder = machine.data / "nuke" if to is None else to / "ft-dcc-nuke"
    init, line = _init(machine), f"nuke.pluginAddPath({folder.as_posix()!r})"
    ours = _INIT.format(line=line)
    there = _text(init)
    if there != ours and is_found(folder, machine):
        return [Place("nuke", folder, tuple(versions), python)]
    if to is not None or (there is not None and there != ours):
        hint = f"Nuke finds it when NUKE_PATH has {folder}, or by this line in {init}: {line}"
        return [Place("nuke", folder, tuple(versions), python, hints=(hint,))]
    return [Place("nuke", folder, tuple(versions), python, {str(init): ours})]


def is_found(folder: Path, machine: Machine) -> bool:
    """Whether Nuke looks at the folder: by NUKE_PATH, or because init.py names it."""
    separator = ";" if machine.platform == "win32" else ":"
    on_path = map(Path, filter(None, machine.environment.get("NUKE_PATH", "").split(separator)))
    return folder in on_path or folder.as_posix() in (_text(_init(machine)) or "")


def folders(machine: Machine) -> list[Path]:
    """Where an installation may be."""
    return [machine.data / "nuke"]


def fill(place: Place, wheels: Sequence[Path], folder: Path) -> None:
    """The folder is one of Nuke's plug-in path: its scripts, the packages, and ``vendored`` behind all others."""
    startup = vendored.package_folder("ft_dcc_nuke") / "startup"
    for script in sorted(startup.glob("*.py")):
        (folder / script.name).write_bytes(script.read_bytes())
    copy_package("ft_dcc_nuke", folder, without="startup")
    vendored.unpack(wheels, folder / "vendored")
    if vendored.has_package("ft_dcc_qt"):
        copy_package("ft_dcc_qt", folder / "vendored")


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _init(machine: Machine) -> Path:
    # On Windows, too, Nuke asks HOME first.
    return Path(machine.environment.get("HOME") or machine.home) / ".nuke" / "init.py"
