"""Nuke and Hiero: one folder on the plug-in paths of both.

Nuke reads ``init.py`` in the folder ``.nuke`` of the user's home, and the folders on NUKE_PATH. Source: Foundry's page
on loading gizmos, plug-ins and scripts. Hiero and Nuke Studio import the scripts in ``Python/Startup`` and then in
``Python/StartupUI`` of ``.nuke`` and of the folders on HIERO_PLUGIN_PATH; such a script can add a folder. Sources:
Foundry's Hiero Python guide, "Environment Setup", and the page on Python scripts during the start-up of Hiero.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ft_dcc.install import host_discovery, managed_folder, vendored

_HIERO_VARIABLE = "HIERO_PLUGIN_PATH"
_INIT = """# There was no init.py, so "ft-dcc install nuke" wrote this one.
# "ft-dcc uninstall nuke" removes it as long as nobody changes it.
import nuke

{line}
"""
_HIERO_STARTUP = """# "ft-dcc install nuke" wrote this file for Hiero and Nuke Studio.
# "ft-dcc uninstall nuke" removes it as long as nobody changes it.
import hiero.core

hiero.core.addPluginPath({folder!r})
"""


def targets(
    machine: host_discovery.Machine,
    versions: Sequence[str],
    python: host_discovery.Python,
    *,
    is_explicit: bool,
    to: Path | None,
) -> list[managed_folder.Target]:
    """Return the target: one folder for all versions, and two scripts that add it to the plug-in paths.

    An existing ``init.py`` is not changed: then a hint asks the artist to add the line. The script for Hiero has a name
    of its own, so nothing is in its way.
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
    if folder not in machine.paths_of(_HIERO_VARIABLE):
        if to is None:
            beside[str(_hiero_startup(machine))] = _HIERO_STARTUP.format(folder=folder.as_posix())
        else:
            hints.append(f"For Hiero and timelines of Nuke Studio, add {folder} to {_HIERO_VARIABLE}, too")
    return [managed_folder.Target("nuke", folder, tuple(versions), python, beside, tuple(hints))]


def is_found(folder: Path, machine: host_discovery.Machine) -> bool:
    """Return whether Nuke loads the folder, because of NUKE_PATH or init.py."""
    return folder in machine.paths_of("NUKE_PATH") or folder.as_posix() in (_text(_init(machine)) or "")


def is_found_by_hiero(folder: Path, machine: host_discovery.Machine) -> bool:
    """Return whether Hiero loads the folder, because of HIERO_PLUGIN_PATH or the installed start-up script."""
    found = machine.paths_of(_HIERO_VARIABLE)
    return folder in found or folder.as_posix() in (_text(_hiero_startup(machine)) or "")


def folders(machine: host_discovery.Machine) -> list[Path]:
    """Return the folders that may contain an installation."""
    return [machine.data / "nuke"]


def populate(target: managed_folder.Target, wheels: Sequence[Path], folder: Path) -> None:
    """Fill the plug-in folder with start-up scripts, packages and ``vendored``, which is last on the path."""
    startup = vendored.package_folder("ft_dcc_nuke") / "startup"
    for script in sorted(startup.rglob("*.py")):
        target_path = folder / script.relative_to(startup)
        target_path.parent.mkdir(parents=True, exist_ok=True)
        target_path.write_bytes(script.read_bytes())
    vendored.copy_package("ft_dcc_nuke", folder, without="startup")
    vendored.unpack(wheels, folder / "vendored")
    if vendored.has_package("ft_dcc_qt"):
        vendored.copy_package("ft_dcc_qt", folder / "vendored")


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _init(machine: host_discovery.Machine) -> Path:
    return _user_folder(machine) / "init.py"


def _hiero_startup(machine: host_discovery.Machine) -> Path:
    # Imported as a module of this name, so it must be unique.
    return _user_folder(machine) / "Python" / "Startup" / "ft_dcc_plugin_path.py"


def _user_folder(machine: host_discovery.Machine) -> Path:
    # Nuke uses HOME first, on Windows as well.
    return Path(machine.environment.get("HOME") or machine.home) / ".nuke"
