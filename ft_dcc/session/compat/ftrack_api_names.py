"""The names of ``ftrack_api`` for scripts that use ``import ft_dcc as ftrack_api``."""

from __future__ import annotations

import importlib
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# A path to a module offers all of its names; of other ftrack_api modules, each name is listed.
_EXPORTS = {
    "accessor.base.Accessor": "ft_dcc.session.locations.accessor:Accessor",
    "accessor.disk": "ft_dcc.session.locations.accessor.disk",
    "accessor.server": "ft_dcc.session.locations.accessor.server",
    "attribute.AbstractCollectionAttribute": "ft_dcc.session.entities.attribute:CollectionAttribute",
    "attribute.Attribute": "ft_dcc.session.entities.entity:Attribute",
    "attribute.Attributes": "ft_dcc.session.entities.entity:Attributes",
    "attribute.CollectionAttribute": "ft_dcc.session.entities.attribute:CollectionAttribute",
    "attribute.CustomAttributeCollectionAttribute": "ft_dcc.session.entities.attribute:CustomAttributesAttribute",
    "attribute.KeyValueMappedCollectionAttribute": "ft_dcc.session.entities.attribute:KeyValueAttribute",
    "attribute.ReferenceAttribute": "ft_dcc.session.entities.attribute:ReferenceAttribute",
    "attribute.ScalarAttribute": "ft_dcc.session.entities.attribute:ScalarAttribute",
    "cache": "ft_dcc.session.cache.cache",
    "collection.Collection": "ft_dcc.session.entities.collection:Collection",
    "collection.CustomAttributeCollectionProxy": "ft_dcc.session.entities.custom_attributes:CustomAttributes",
    "collection.KeyValueMappedCollectionProxy": "ft_dcc.session.entities.collection:KeyValues",
    "collection.MappedCollectionProxy": "ft_dcc.session.entities.collection:KeyValues",
    "data": "ft_dcc.session.locations.file_objects",
    "entity.asset_version.AssetVersion": "ft_dcc.session.entity_types.entity_mixins:AssetVersion",
    "entity.base.Entity": "ft_dcc.session.entities.entity:Entity",
    "entity.component.Component": "ft_dcc.session.entity_types.entity_mixins:Component",
    "entity.component.CreateThumbnailMixin": "ft_dcc.session.entity_types.entity_mixins:ThumbnailMixin",
    "entity.factory.StandardFactory": "ft_dcc.session.entity_types.schema:StandardFactory",
    "entity.job.Job": "ft_dcc.session.entity_types.entity_mixins:Job",
    "entity.location.Location": "ft_dcc.session.locations.location:Location",
    "entity.location.MemoryLocationMixin": "ft_dcc.session.locations.location:MemoryLocationMixin",
    "entity.location.OriginLocationMixin": "ft_dcc.session.locations.location:OriginLocationMixin",
    "entity.location.ServerLocationMixin": "ft_dcc.session.locations.location:ServerLocationMixin",
    "entity.location.UnmanagedLocationMixin": "ft_dcc.session.locations.location:UnmanagedLocationMixin",
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
    "formatter.FILTER": "ft_dcc.session.compat.entity_text:FILTER",
    "formatter.format": "ft_dcc.session.compat.entity_text:format",
    "inspection.identity": "ft_dcc.session.compat.entity_text:identity",
    "inspection.primary_key": "ft_dcc.session.compat.entity_text:primary_key",
    "inspection.state": "ft_dcc.session.compat.entity_text:state",
    "inspection.states": "ft_dcc.session.compat.entity_text:states",
    "mixin": "ft_dcc.session.locations.location:mixin",
    "operation": "ft_dcc.session.operations",
    "plugin": "ft_dcc.session.plugins",
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
    return ModuleSpec(name, _Loader(path), is_package=not is_module)


class _Loader(Loader):
    """The loader of the module or namespace at one path of ``ftrack_api``."""

    def __init__(self, path: str) -> None:
        self._path = path

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: ModuleType = find(self._path)
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The module keeps the spec of its own name.
        if self._own_spec is not None:
            module.__spec__ = self._own_spec


def _has_names_below(path: str) -> bool:
    return any(each.startswith(f"{path}.") for each in _EXPORTS)
