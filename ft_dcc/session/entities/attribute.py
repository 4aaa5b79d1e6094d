"""The kinds of attributes: how their values are read, written and fetched; and the values of custom attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ft_dcc.session import operations
from ft_dcc.session.entities.collection import Collection, KeyValues
from ft_dcc.session.entities.entity import Attribute, Entity
from ft_dcc.session.symbol import CREATED, NOT_SET
from ft_dcc.session.transport.codec import LazyDateTime

CONFIGURATIONS_QUERY = (
    "select id, key, project_id, object_type_id, entity_type, is_hierarchical, default "
    "from CustomAttributeConfiguration"
)
# A configuration's name for the entity type that it is for; every type with an object type is a "task".
_CONFIGURED_TYPES = {
    "Project": "show",
    "AssetVersion": "assetversion",
    "User": "user",
    "Asset": "asset",
    "TypedContextList": "list",
    "AssetVersionList": "list",
}
_INHERITING_TYPES = ("asset", "assetversion", "show", "task")


class ScalarAttribute(Attribute):
    """A plain value; ``data_type`` is string, integer, float, boolean, datetime, variable or object."""

    __slots__ = ("data_type",)

    def __init__(
        self, name: str, data_type: str, default_value: Any = NOT_SET, mutable: bool = True, computed: bool = False
    ) -> None:
        super().__init__(name, default_value, mutable, computed)
        self.data_type = data_type

    def public_value(self, entity: Entity, value: Any) -> Any:
        """Return the stored value; a date is parsed on the first access."""
        if value.__class__ is LazyDateTime:
            value = value.parsed()
            entity.replace_stored(self.name, value)
        return value


class ReferenceAttribute(Attribute):
    """A reference to one other entity, or None."""

    __slots__ = ("entity_type",)

    def __init__(self, name: str, entity_type: str, mutable: bool = True) -> None:
        super().__init__(name, mutable=mutable)
        self.entity_type = entity_type

    def projections(self, default_projections: Iterable[str]) -> list[str]:
        """Return the paths of the other entity's default projections."""
        return [f"{self.name}.{projection}" for projection in default_projections]

    def derived_value(self, entity: Entity) -> Any:
        """Return the entity with the stored id if it was loaded before, or None if the id is None."""
        key = entity.stored_value(f"{self.name}_id")
        if key is None or key is NOT_SET:
            return key
        found = entity.session.get_loaded(self.entity_type, key)
        return NOT_SET if found is None else found


class CollectionAttribute(Attribute):
    """A relation to many other entities."""

    __slots__ = ("entity_type",)

    is_many = True
    collection_class: type = Collection

    def __init__(self, name: str, entity_type: str, mutable: bool = True) -> None:
        super().__init__(name, mutable=mutable)
        self.entity_type = entity_type

    def public_value(self, entity: Entity, value: Any) -> Any:
        """Return the collection, or the mapping; it is the same object until a response replaces it."""
        if not isinstance(value, self.collection_class):
            value = self.make_value(entity, value or [])
            entity.replace_stored(self.name, value)
        return value

    def missing_value(self, entity: Entity) -> Any:
        """Return an empty collection or mapping, which is fetched before its first change."""
        is_complete = entity.state is CREATED
        value = self.make_value(entity, [], is_complete=is_complete)
        if is_complete:
            entity.replace_stored(self.name, value)
        return value

    def make_value(self, entity: Entity, data: list[Entity], *, is_complete: bool = True) -> Any:
        """Return a value with these entities."""
        return Collection(entity, self, self.mutable, data, is_complete=is_complete)

    def set_local_value(self, entity: Entity, value: Any) -> None:
        """Replace the whole content; raises DuplicateItemInCollectionError for a repeated item."""
        self.check_mutable(entity)
        collection = Collection(entity, self)
        collection.set_initial(value)
        entity.assign(self.name, collection)

    def stored(self, value: Any) -> Any:
        """Return the collection, or the mapping of its entities if there is one."""
        return value if value.view is None else value.view

    def restored(self, current: Any, before: Any) -> Any:
        """Return the current collection with the content of before, so that references to it stay valid."""
        collection = current.collection if isinstance(current, KeyValues) else current
        if not isinstance(collection, Collection) or not isinstance(before, list):
            return before
        collection.restore(before)
        return current


class KeyValueAttribute(CollectionAttribute):
    """Entities with a key and a value, read and written as a dictionary, like metadata."""

    __slots__ = ()

    collection_class: type[KeyValues] = KeyValues

    def make_value(self, entity: Entity, data: list[Entity], *, is_complete: bool = True) -> KeyValues:
        """Return a mapping of these entities."""
        return self.collection_class(Collection(entity, self, data=data, is_complete=is_complete), self.entity_type)

    def set_local_value(self, entity: Entity, value: Mapping[str, Any]) -> None:
        """Replace the content of the mapping."""
        mapping: KeyValues = entity[self.name]
        mapping.replace(value)


class CustomAttributes(KeyValues):
    """The custom attributes of an entity, with one key for each configuration of the entity's type."""

    __slots__ = ()

    def entities(self) -> dict[str, Entity]:
        """Return the value entity of each key; those of a new entity exist before the commit."""
        self.collection.current()
        if self._by_key is None and self.collection.entity.state is CREATED:
            # The server creates them with the entity, each with its default.
            owner = self.collection.entity
            shared = {"entity_id": owner.primary_key[0]}
            self._by_key = {
                key: owner.session.reconstruct(
                    self.entity_type, {**shared, "configuration_id": each["id"], "key": key, "value": each["default"]}
                )
                for key, each in configurations_for(owner).items()
            }
        return super().entities()

    def inherited(self, key: str) -> Any:
        """Return the value; that of a hierarchical attribute is inherited from the nearest parent that has one."""
        value = self[key]
        owner, item = self.collection.entity, self.entities().get(key)
        is_new = owner.state is CREATED or (item is not None and item.state is CREATED)
        if is_new or (item is not None and item.is_changed("value")):
            return value
        configuration_id = self.get_configuration_id_from_key(key) if item is None else item["configuration_id"]
        return owner.session.inheritance.value(owner, configuration_id, value)

    def __delitem__(self, key: str) -> None:
        """Reset to the default or inherited value with the next commit; raises UnrecognisedAttributeError."""
        item = self.entities().get(key)
        if item is None:
            raise self.missing_key_error(key)
        item["value"] = configurations_for(self.collection.entity)[key]["default"]
        item_key = dict(zip(item.primary_key_attributes, item.primary_key))
        item.session.recorded_operations.push(operations.DeleteEntityOperation(item.entity_type, item_key))

    def get_configuration_id_from_key(self, key: str) -> str:
        """Return the id of the attribute's configuration; raises UnrecognisedAttributeError."""
        configuration = configurations_for(self.collection.entity).get(key)
        if configuration is None:
            raise self.missing_key_error(key)
        return str(configuration["id"])

    def create_item(self, key: str, value: Any) -> Entity:
        """Raise UnrecognisedAttributeError: only the site's settings can add an attribute."""
        raise self.missing_key_error(key)

    def replace(self, values: Any) -> None:
        """Assign these values and keep the others; raises CollectionError if ``values`` is not a mapping."""
        self.check_mapping(values)
        self.update(values)


class CustomAttributesAttribute(KeyValueAttribute):
    """The values of custom attributes, read and written as a dictionary."""

    __slots__ = ()

    collection_class = CustomAttributes


def configurations_for(owner: Entity) -> dict[str, Entity]:
    """Return the configuration of each key; a project's configuration overrides the global one."""
    configured_type = _CONFIGURED_TYPES.get(owner.entity_type, "task")
    project_id = _project_id(owner, configured_type)
    chosen: dict[str, Entity] = {}
    for configuration in owner.session.custom_attribute_configurations():
        if not _fits(configuration, owner, configured_type) or configuration["project_id"] not in (None, project_id):
            continue
        if configuration["key"] not in chosen or configuration["project_id"] is not None:
            chosen[configuration["key"]] = configuration
    return chosen


def _fits(configuration: Entity, owner: Entity, configured_type: str) -> bool:
    if configuration["is_hierarchical"] and configured_type in _INHERITING_TYPES:
        return True
    if configuration["entity_type"] != configured_type:
        return False
    return configured_type != "task" or bool(configuration["object_type_id"] == owner["object_type_id"])


def _project_id(owner: Entity, configured_type: str) -> str | None:
    if configured_type == "show":
        return owner.primary_key[0]
    above = owner
    if configured_type == "assetversion" and above["asset"]:
        above = above["asset"]["parent"] or above
    for name in ("project_id", "project", "parent"):
        value = above.get(name)
        if isinstance(value, str) and value:
            return value
        if value:
            found: str = value["id"] if value.entity_type == "Project" else value["project_id"]
            return found
    return None
