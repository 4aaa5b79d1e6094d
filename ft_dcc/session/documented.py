"""Where scripts that were written for ``ftrack_api`` find what they name: ``import ft_dcc as ftrack_api``."""

from __future__ import annotations

import importlib
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# A module of ours offers everything that its namesake does; of the others each name is listed.
_HOMES = {
    "accessor.base.Accessor": "ft_dcc.session.accessor:Accessor",
    "accessor.disk": "ft_dcc.session.accessor.disk",
    "accessor.server": "ft_dcc.session.accessor.server",
    "attribute.AbstractCollectionAttribute": "ft_dcc.session.attribute:CollectionAttribute",
    "attribute.Attribute": "ft_dcc.session.attribute:Attribute",
    "attribute.Attributes": "ft_dcc.session.attribute:Attributes",
    "attribute.CollectionAttribute": "ft_dcc.session.attribute:CollectionAttribute",
    "attribute.CustomAttributeCollectionAttribute": "ft_dcc.session.attribute:CustomAttributesAttribute",
    "attribute.KeyValueMappedCollectionAttribute": "ft_dcc.session.attribute:KeyValueAttribute",
    "attribute.ReferenceAttribute": "ft_dcc.session.attribute:ReferenceAttribute",
    "attribute.ScalarAttribute": "ft_dcc.session.attribute:ScalarAttribute",
    "cache": "ft_dcc.session.cache",
    "collection.Collection": "ft_dcc.session.collection:Collection",
    "collection.CustomAttributeCollectionProxy": "ft_dcc.session.custom_attributes:CustomAttributes",
    "collection.KeyValueMappedCollectionProxy": "ft_dcc.session.collection:KeyValues",
    "collection.MappedCollectionProxy": "ft_dcc.session.collection:KeyValues",
    "data": "ft_dcc.session.data",
    "entity.asset_version.AssetVersion": "ft_dcc.session.entities:AssetVersion",
    "entity.base.Entity": "ft_dcc.session.entity:Entity",
    "entity.component.Component": "ft_dcc.session.component:Component",
    "entity.component.CreateThumbnailMixin": "ft_dcc.session.component:Pictured",
    "entity.factory.StandardFactory": "ft_dcc.session.schema:StandardFactory",
    "entity.job.Job": "ft_dcc.session.entities:Job",
    "entity.location.Location": "ft_dcc.session.location:Location",
    "entity.location.MemoryLocationMixin": "ft_dcc.session.location_kinds:MemoryLocationMixin",
    "entity.location.OriginLocationMixin": "ft_dcc.session.location_kinds:OriginLocationMixin",
    "entity.location.ServerLocationMixin": "ft_dcc.session.location_kinds:ServerLocationMixin",
    "entity.location.UnmanagedLocationMixin": "ft_dcc.session.location_kinds:UnmanagedLocationMixin",
    "entity.note.CreateNoteMixin": "ft_dcc.session.entities:Noted",
    "entity.note.Note": "ft_dcc.session.entities:Note",
    "entity.project_schema.ProjectSchema": "ft_dcc.session.workflow:ProjectSchema",
    "entity.user.User": "ft_dcc.session.people:User",
    "event.base.Event": "ft_dcc.session.event:Event",
    "event.expression.All": "ft_dcc.subscription:AllOf",
    "event.expression.Any": "ft_dcc.subscription:AnyOf",
    "event.expression.Condition": "ft_dcc.subscription:Condition",
    "event.expression.Expression": "ft_dcc.subscription:Expression",
    "event.expression.Not": "ft_dcc.subscription:Not",
    "event.hub.EventHub": "ft_dcc.session.hub:EventHub",
    "event.subscriber.Subscriber": "ft_dcc.session.event:Subscriber",
    "exception": "ft_dcc.errors",
    "exceptions": "ft_dcc.errors",
    "formatter": "ft_dcc.session.formatter",
    "inspection": "ft_dcc.session.inspection",
    "mixin": "ft_dcc.session.location_kinds:mixin",
    "operation": "ft_dcc.session.operations",
    "plugin": "ft_dcc.session.plugins",
    "query": "ft_dcc.session.query",
    "resource_identifier_transformer.base.ResourceIdentifierTransformer": (
        "ft_dcc.session.location_setup:ResourceIdentifierTransformer"
    ),
    "structure.base.Structure": "ft_dcc.session.structure:Structure",
    "structure.entity_id": "ft_dcc.session.structure.entity_id",
    "structure.id": "ft_dcc.session.structure.id",
    "structure.origin": "ft_dcc.session.structure.origin",
    "structure.standard": "ft_dcc.session.structure.standard",
    "symbol": "ft_dcc.session.symbol",
}
NAMES = frozenset(path.partition(".")[0] for path in _HOMES)


class Names(ModuleType):
    """The names below one of ``ftrack_api``'s packages."""

    def __init__(self, path: str) -> None:
        super().__init__(f"ft_dcc.{path}")
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"{self!r} have no {name!r}.")
        try:
            value = find(f"{self._path}.{name}")
        except KeyError:
            raise AttributeError(
                f"ft_dcc.{self._path} has no {name!r}. See docs/session.md for what differs."
            ) from None
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        start = f"{self._path}."
        return sorted({path[len(start) :].partition(".")[0] for path in _HOMES if path.startswith(start)})

    def __repr__(self) -> str:
        return f"<the names of ftrack_api.{self._path}>"


def find(path: str) -> Any:
    """Return what is at this path of ``ftrack_api``: a module, a class, or the names below it; raises KeyError."""
    if path in _HOMES:
        module, _, name = _HOMES[path].partition(":")
        found = importlib.import_module(module)
        return getattr(found, name) if name else found
    if _has_names_below(path):
        return Names(path)
    raise KeyError(path)


def spec(name: str) -> ModuleSpec | None:
    """Return how ``import ft_dcc.event.base`` gets its module; None where ``ftrack_api`` has no such module."""
    path = name.partition(".")[2]
    is_module = path in _HOMES and ":" not in _HOMES[path]
    if not is_module and not _has_names_below(path):
        return None
    return ModuleSpec(name, _Loader(path), is_package=not is_module)


class _Loader(Loader):
    """Gives what is at one path of ``ftrack_api`` to whoever imports that path."""

    def __init__(self, path: str) -> None:
        self._path = path

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: ModuleType = find(self._path)
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # A module of ours goes on under its own name.
        if self._own_spec is not None:
            module.__spec__ = self._own_spec


def _has_names_below(path: str) -> bool:
    return any(each.startswith(f"{path}.") for each in _HOMES)
