"""Remove the add-on's modules from Python when Blender disables the add-on."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from . import main_thread

# Cancelled threads end soon, unless one waits for a server that does not answer.
_THREADS_TIMEOUT_SECONDS = 2.0
_THREAD_NAMES = ("ft-dcc", "ft_dcc")
_CORE = "ft_dcc"
_IMPORTED_BY_ADD_ON = "imported_by_add_on"


def claim_core() -> None:
    """Store in the core that an add-on has imported it, and not a script or the studio's own environment."""
    vars(sys.modules[_CORE])[_IMPORTED_BY_ADD_ON] = True


def remove_modules(package: str) -> None:
    """Remove the modules of this add-on from ``sys.modules``, with those of the core unless something else uses it.

    All of them stay while a thread of the add-on runs, because it imports modules when it needs them.
    """
    if not _threads_have_ended():
        return
    names = set(_modules_of(package))
    if not any(_is_enabled(each) for each in _other_installations(package)):
        names |= _core_modules()
    for name in names:
        del sys.modules[name]


def _threads_have_ended() -> bool:
    """Wait for the threads of the add-on, and return whether all have ended."""
    until = time.monotonic() + _THREADS_TIMEOUT_SECONDS
    threads = [each for each in threading.enumerate() if each.name.startswith(_THREAD_NAMES)]
    for each in threads:
        main_thread.serve_until_ended(each, max(0.0, until - time.monotonic()))
    return not any(each.is_alive() for each in threads)


def _core_modules() -> set[str]:
    """Return the names of the core's modules, and of those that the classic add-on has beside it."""
    core = sys.modules.get(_CORE)
    if core is None or _IMPORTED_BY_ADD_ON not in vars(core):
        return set()
    folder = Path(str(core.__file__)).parents[1]
    beside = _modules_in(folder) if folder.name == "vendored" else ()
    return {*_modules_of(_CORE), *beside}


def _modules_of(package: str) -> list[str]:
    return [name for name in tuple(sys.modules) if name == package or name.startswith(f"{package}.")]


def _modules_in(folder: Path) -> list[str]:
    found = []
    for name, module in tuple(sys.modules.items()):
        # Not ``getattr``, which runs code of modules that import others on demand.
        file = getattr(module, "__dict__", {}).get("__file__")
        if file and folder in Path(file).parents:
            found.append(name)
    return found


def _other_installations(package: str) -> Iterator[str]:
    """Yield the names of the other packages of this add-on: Blender can have an extension and a classic add-on."""
    for name in tuple(sys.modules):
        owner, separator, rest = name.partition(".registration")
        if separator and not rest and owner != package and f"{owner}.scene.input_guard" in sys.modules:
            yield owner


def _is_enabled(package: str) -> bool:
    # Blender sets this attribute of each add-on.
    return bool(vars(sys.modules[package]).get("__addon_enabled__"))
