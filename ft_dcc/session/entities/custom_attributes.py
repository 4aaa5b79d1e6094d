"""The values of custom attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ft_dcc.session import operations, symbol
from ft_dcc.session.entities.collection import KeyValues
from ft_dcc.session.entities.entity import Entity

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


class CustomAttributes(KeyValues):
    """The custom attributes of an entity, with one key for each configuration of the entity's type."""

    __slots__ = ()

    def entities(self) -> dict[str, Entity]:
        """Return the value entity of each key; those of a new entity exist before the commit."""
        self.collection.current()
        if self._by_key is None and self.collection.entity.state is symbol.CREATED:
            self._by_key = values_of_new(self.collection.entity, self.entity_type)
        return super().entities()

    def inherited(self, key: str) -> Any:
        """Return the value; that of a hierarchical attribute is inherited from the nearest parent that has one."""
        value = self[key]
        owner, item = self.collection.entity, self.entities().get(key)
        is_new = owner.state is symbol.CREATED or (item is not None and item.state is symbol.CREATED)
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


class SparseCustomAttributes(CustomAttributes):
    """The custom attributes of an entity on a server that stores only those that were set.

    The schema of these servers has only ``CustomAttributeValue`` instead of one value type for each entity type.
    """

    __slots__ = ()

    def entities(self) -> dict[str, Entity]:
        """Return the value entity of each key that was set."""
        items = self.collection.current()
        if self._by_key is None:
            keys = {each["id"]: key for key, each in configurations_for(self.collection.entity).items()}
            self._by_key = {keys[item["configuration_id"]]: item for item in items if item["configuration_id"] in keys}
        return self._by_key

    def __getitem__(self, key: str) -> Any:
        """Return the value, or the default if it was not set."""
        item = self.entities().get(key)
        if item is not None:
            return item["value"]
        configuration = configurations_for(self.collection.entity).get(key)
        if configuration is None:
            raise self.missing_key_error(key)
        return configuration["default"]

    def __delitem__(self, key: str) -> None:
        """Reset to the default; raises UnrecognisedAttributeError."""
        self.collection.load()
        if key in self.entities():
            KeyValues.__delitem__(self, key)
        else:
            self.get_configuration_id_from_key(key)

    def __iter__(self) -> Iterator[str]:
        return iter(configurations_for(self.collection.entity))

    def __len__(self) -> int:
        return len(configurations_for(self.collection.entity))

    def __contains__(self, key: object) -> bool:
        return key in configurations_for(self.collection.entity)

    def create_item(self, key: str, value: Any) -> Entity:
        """Return the value entity of an attribute that was not set yet."""
        owner = self.collection.entity
        configuration_id = self.get_configuration_id_from_key(key)
        data = {"configuration_id": configuration_id, "entity_id": owner.primary_key[0], "value": value}
        item: Entity = owner.session.create(self.entity_type, data)
        return item


def values_of_new(owner: Entity, value_type: str) -> dict[str, Entity]:
    """Return the value entities that the server creates with a new entity, each with its default."""
    entities = {}
    for key, configuration in configurations_for(owner).items():
        entities[key] = owner.session.reconstruct(
            value_type,
            {
                "configuration_id": configuration["id"],
                "entity_id": owner.primary_key[0],
                "key": key,
                "value": configuration["default"],
            },
        )
    return entities


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
