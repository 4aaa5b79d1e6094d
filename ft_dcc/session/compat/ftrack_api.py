"""The names of ``ftrack_api``, for scripts with ``import ft_dcc as ftrack_api`` or with ``import ftrack_api``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from ft_dcc.errors import StorageError
from ft_dcc.files.atomic import storage_errors

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
    from ft_dcc.session.compat.ftrack_api import provide

    del sys.modules["{NAME}"]
    provide()
'''
# A path to a module offers all of its names; of other ftrack_api modules, each name is listed.
_EXPORTS = {
    "accessor.base.Accessor": "ft_dcc.session.locations.accessor:Accessor",
    "accessor.disk": "ft_dcc.session.locations.accessor",
    "accessor.server": "ft_dcc.session.locations.server_accessor",
    "attribute.AbstractCollectionAttribute": "ft_dcc.session.entities.attribute:CollectionAttribute",
    "attribute.Attribute": "ft_dcc.session.entities.entity:Attribute",
    "attribute.Attributes": "ft_dcc.session.entities.entity:Attributes",
    "attribute.CollectionAttribute": "ft_dcc.session.entities.attribute:CollectionAttribute",
    "attribute.CustomAttributeCollectionAttribute": "ft_dcc.session.entities.attribute:CustomAttributesAttribute",
    "attribute.KeyValueMappedCollectionAttribute": "ft_dcc.session.entities.attribute:KeyValueAttribute",
    "attribute.ReferenceAttribute": "ft_dcc.session.entities.attribute:ReferenceAttribute",
    "attribute.ScalarAttribute": "ft_dcc.session.entities.attribute:ScalarAttribute",
    "cache": "ft_dcc.session.cache",
    "collection.Collection": "ft_dcc.session.entities.collection:Collection",
    "collection.CustomAttributeCollectionProxy": "ft_dcc.session.entities.attribute:CustomAttributes",
    "collection.KeyValueMappedCollectionProxy": "ft_dcc.session.entities.collection:KeyValues",
    "collection.MappedCollectionProxy": "ft_dcc.session.entities.collection:KeyValues",
    "data": "ft_dcc.session.locations.accessor",
    "entity.asset_version.AssetVersion": "ft_dcc.session.entity_types.entity_mixins:AssetVersion",
    "entity.base.Entity": "ft_dcc.session.entities.entity:Entity",
    "entity.component.Component": "ft_dcc.session.entity_types.entity_mixins:Component",
    "entity.component.CreateThumbnailMixin": "ft_dcc.session.entity_types.entity_mixins:ThumbnailMixin",
    "entity.factory.StandardFactory": "ft_dcc.session.entity_types.schema:StandardFactory",
    "entity.job.Job": "ft_dcc.session.entity_types.entity_mixins:Job",
    "entity.location": "ft_dcc.session.locations.location",
    "entity.note.CreateNoteMixin": "ft_dcc.session.entity_types.entity_mixins:NotesMixin",
    "entity.note.Note": "ft_dcc.session.entity_types.entity_mixins:Note",
    "entity.project_schema.ProjectSchema": "ft_dcc.session.entity_types.entity_mixins:ProjectSchema",
    "entity.user.User": "ft_dcc.session.entity_types.entity_mixins:User",
    "event.base.Event": "ft_dcc.session.events.event:Event",
    "event.expression.All": "ft_dcc.event_protocol.expressions:AllOf",
    "event.expression.Any": "ft_dcc.event_protocol.expressions:AnyOf",
    "event.expression.Condition": "ft_dcc.event_protocol.expressions:Condition",
    "event.expression.Expression": "ft_dcc.event_protocol.expressions:Expression",
    "event.expression.Not": "ft_dcc.event_protocol.expressions:Not",
    "event.hub.EventHub": "ft_dcc.session.events.hub:EventHub",
    "event.subscriber.Subscriber": "ft_dcc.session.events.event:Subscriber",
    "exception": "ft_dcc.errors",
    "exceptions": "ft_dcc.errors",
    "formatter": "ft_dcc.session.compat.entity_text",
    "inspection": "ft_dcc.session.compat.entity_text",
    "mixin": "ft_dcc.session.locations.location:mixin",
    "operation": "ft_dcc.session.operations",
    "plugin.discover": "ft_dcc.session.session_events:discover",
    "query": "ft_dcc.session.query.query",
    "resource_identifier_transformer.base.ResourceIdentifierTransformer": (
        "ft_dcc.session.locations.location_setup:ResourceIdentifierTransformer"
    ),
    "structure.base.Structure": "ft_dcc.session.locations.structure:Structure",
    "structure.entity_id.EntityIdStructure": "ft_dcc.session.locations.structure:EntityIdStructure",
    "structure.id.IdStructure": "ft_dcc.session.locations.structure:IdStructure",
    "structure.origin.OriginStructure": "ft_dcc.session.locations.structure:OriginStructure",
    "structure.standard.StandardStructure": "ft_dcc.session.locations.structure:StandardStructure",
    "symbol": "ft_dcc.session.symbol",
}
NAMES = frozenset(path.partition(".")[0] for path in _EXPORTS)


class Names(ModuleType):
    """A namespace with the names of one of ``ftrack_api``'s packages."""

    def __init__(self, path: str) -> None:
        super().__init__(f"ft_dcc.{path}")
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"{self!r} has no {name!r}.")
        try:
            value = find(f"{self._path}.{name}")
        except KeyError:
            raise AttributeError(
                f"ft_dcc.{self._path} has no {name!r}. See docs/td/session.md for what differs."
            ) from None
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        start = f"{self._path}."
        return sorted({path[len(start) :].partition(".")[0] for path in _EXPORTS if path.startswith(start)})

    def __repr__(self) -> str:
        return f"<the names of ftrack_api.{self._path}>"


def find(path: str) -> Any:
    """Return the module, class or namespace at this path of ``ftrack_api``; raises KeyError."""
    if path in _EXPORTS:
        module, _, name = _EXPORTS[path].partition(":")
        found = importlib.import_module(module)
        return getattr(found, name) if name else found
    if _has_names_below(path):
        return Names(path)
    raise KeyError(path)


def spec(name: str) -> ModuleSpec | None:
    """Return the spec for ``import ft_dcc.event.base``, or None if ``ftrack_api`` has no such module."""
    path = name.partition(".")[2]
    is_module = path in _EXPORTS and ":" not in _EXPORTS[path]
    if not is_module and not _has_names_below(path):
        return None
    return ModuleSpec(name, _AliasLoader(partial(find, path)), is_package=not is_module)


def _has_names_below(path: str) -> bool:
    return any(each.startswith(f"{path}.") for each in _EXPORTS)


class _AliasLoader(Loader):
    """The loader of a module that exists under another name already."""

    def __init__(self, find_module: Callable[[], ModuleType]) -> None:
        self._find_module = find_module

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = self._find_module()
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The module keeps the spec of its own name; the namespaces here have none.
        module.__spec__ = self._own_spec or module.__spec__


class _Finder(MetaPathFinder):
    """Find the modules below ``ftrack_api`` at the same paths below ``ft_dcc``."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return the spec of the module of ``ft_dcc``, or None if it has no such module."""
        own_name = name.replace(NAME, "ft_dcc", 1)
        if not name.startswith(f"{NAME}.") or importlib.util.find_spec(own_name) is None:
            return None
        return ModuleSpec(name, _AliasLoader(partial(importlib.import_module, own_name)), is_package=True)


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
    with storage_errors(f"{package} cannot be written", "Choose another folder."):
        package.mkdir(parents=True, exist_ok=True)
        (package / _MARKER).write_text("Written by: ft-dcc compat install\n", encoding="utf-8")
        (package / "__init__.py").write_text(_PACKAGE, encoding="utf-8")
    return package


def uninstall(folder: Path) -> bool:
    """Remove the package from the folder; return whether there was one. Raises StorageError for another package."""
    import shutil

    package = folder / NAME
    if not package.exists():
        return False
    _check_own(package)
    with storage_errors(f"{package} cannot be removed", "Remove it by hand."):
        shutil.rmtree(package)
    return True


def _check_own(package: Path) -> None:
    if package.exists() and not (package / _MARKER).exists():
        raise StorageError(f"{package} is not a package of ft-dcc. Choose another folder.")
