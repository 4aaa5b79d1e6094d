"""``import ftrack_api`` for scripts and plugins that cannot be edited, where the official client is not installed."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from ft_dcc.errors import StorageError

NAME = "ftrack_api"
# Marks an installed package as ours.
_MARKER = "provided-by-ft-dcc.txt"
# The official client comes first wherever it is on the path, also if ft-dcc cannot be imported.
_PACKAGE = f'''"""ftrack_api for scripts, provided by ft-dcc where the official client is not installed."""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

_others = [each for each in sys.path if not (Path(each) / "{NAME}" / "{_MARKER}").exists()]
_official = PathFinder.find_spec("{NAME}", _others)
if _official is not None:
    sys.modules["{NAME}"] = importlib.util.module_from_spec(_official)
    _official.loader.exec_module(sys.modules["{NAME}"])
else:
    from ft_dcc.session.compat.ftrack_api_import import provide

    del sys.modules["{NAME}"]
    provide()
'''


class _Finder(MetaPathFinder):
    """Find the modules below ``ftrack_api`` at the same paths below ``ft_dcc``."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return the spec of the module of ``ft_dcc``, or None if it has no such module."""
        if not name.startswith(f"{NAME}.") or importlib.util.find_spec(_own_name(name)) is None:
            return None
        return ModuleSpec(name, _AliasLoader(), is_package=True)


class _AliasLoader(Loader):
    """The loader of a module that exists under another name already."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(_own_name(spec.name))
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The module keeps the spec of its own name.
        module.__spec__ = self._own_spec


def _own_name(name: str) -> str:
    return name.replace(NAME, "ft_dcc", 1)


def provide() -> bool:
    """Let ``import ftrack_api`` in this process import ``ft_dcc``; return whether it does.

    An official client that is imported already, or installed, stays the one that is imported. Safe to call twice.
    """
    own = importlib.import_module("ft_dcc")
    if sys.modules.get(NAME) is own:
        return True
    path = [each for each in sys.path if not (Path(each) / NAME / _MARKER).exists()]
    if NAME in sys.modules or PathFinder.find_spec(NAME, path) is not None:
        return False
    sys.modules[NAME] = own
    # Before the finder of files, which would load the modules of ft_dcc a second time.
    sys.meta_path.insert(0, _Finder())
    return True


def install(folder: Path) -> Path:
    """Write a package ``ftrack_api`` into the folder, to be put on ``PYTHONPATH``, and return its path.

    Raises StorageError if the folder contains another ``ftrack_api``, or cannot be written.
    """
    package = folder / NAME
    _check_own(package)
    try:
        package.mkdir(parents=True, exist_ok=True)
        (package / _MARKER).write_text("Written by: ft-dcc compat install\n", encoding="utf-8")
        (package / "__init__.py").write_text(_PACKAGE, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{package} cannot be written: {error.strerror}. Choose another folder.") from error
    return package


def uninstall(folder: Path) -> bool:
    """Remove the package from the folder; return whether there was one. Raises StorageError for another package."""
    package = folder / NAME
    if not package.exists():
        return False
    _check_own(package)
    try:
        shutil.rmtree(package)
    except OSError as error:
        raise StorageError(f"{package} cannot be removed: {error.strerror}. Remove it by hand.") from error
    return True


def _check_own(package: Path) -> None:
    if package.exists() and not (package / _MARKER).exists():
        raise StorageError(f"{package} is not a package of ft-dcc. Choose another folder.")
