"""Nuke: one folder on its plug-in path.

Nuke reads ``init.py`` in the folder ``.nuke`` of the user's home, and the folders on NUKE_PATH. Source: Foundry's page
on loading gizmos, plug-ins and scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ft_dcc.install import host_discovery, managed_folder, vendored

_INIT = """# There was no init.py, so "ft-dcc install nuke" wrote this one.
# "ft-dcc uninstall nuke" removes it as long as nobody changes it.
import nuke

{line}
"""


def targets(
    machine: host_discovery.Machine,
    versions: Sequence[str],
    python: host_discovery.Python,
    *,
    is_explicit: bool,
    to: Path | None,
) -> list[managed_folder.Target]:
    """Return the target: one folder for all versions, and a script that adds it to the plug-in path.

    An existing ``init.py`` is not changed: then a hint asks the artist to add the line.
    """
    # A share may contain Maya's module, too.
    folder = machine.data / "nuke" if to is None else to / "ft-dcc-nuke"
    init, line = _init(machine), f"nuke.pluginAddPath({folder.as_posix()!r})"
    content, existing = _INIT.format(line=line), _text(init)
    beside: dict[str, str] = {}
    hints: list[str] = []
    is_ours = existing == content
    if is_ours or not is_found(folder, machine):
        if to is None and (is_ours or existing is None):
            beside[str(init)] = content
        else:
            hints.append(f"Add {folder} to NUKE_PATH, or this line to {init}: {line}")
    return [managed_folder.Target("nuke", folder, tuple(versions), python, beside, tuple(hints))]


def is_found(folder: Path, machine: host_discovery.Machine) -> bool:
    """Return whether Nuke loads the folder, because of NUKE_PATH or init.py."""
    return folder in machine.paths_of("NUKE_PATH") or folder.as_posix() in (_text(_init(machine)) or "")


def folders(machine: host_discovery.Machine) -> list[Path]:
    """Return the folders that may contain an installation."""
    return [machine.data / "nuke"]


def populate(target: managed_folder.Target, wheels: Sequence[Path], folder: Path) -> None:
    """Fill the plug-in folder with start-up scripts, packages and ``vendored``, which is last on the path."""
    startup = vendored.package_folder("ft_dcc_nuke") / "startup"
    for script in sorted(startup.glob("*.py")):
        (folder / script.name).write_bytes(script.read_bytes())
    vendored.copy_package("ft_dcc_nuke", folder, without="startup")
    vendored.unpack(wheels, folder / "vendored")
    if vendored.has_package("ft_dcc_qt"):
        vendored.copy_package("ft_dcc_qt", folder / "vendored")


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _init(machine: host_discovery.Machine) -> Path:
    # Nuke uses HOME first, on Windows as well.
    return Path(machine.environment.get("HOME") or machine.home) / ".nuke" / "init.py"
