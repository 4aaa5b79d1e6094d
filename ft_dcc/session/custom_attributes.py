"""The values of a site's own attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ft_dcc.session.collection import KeyValues
from ft_dcc.session.operations import DeleteEntityOperation
from ft_dcc.session.symbol import CREATED

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity
    from ft_dcc.session.session import Session

_CONFIGURATIONS = (
    "select id, key, project_id, object_type_id, entity_type, is_hierarchical, default "
    "from CustomAttributeConfiguration"
)
# How a configuration names the kind of entity that it is for; everything with an object type is a "task".
_KINDS = {
    "Project": "show",
    "AssetVersion": "assetversion",
    "User": "user",
    "Asset": "asset",
    "TypedContextList": "list",
    "AssetVersionList": "list",
}
_KINDS_WITH_INHERITANCE = ("asset", "assetversion", "show", "task")


class CustomAttributes(KeyValues):
    """The custom attributes of an entity, one key for each that the site has for this kind of entity."""

    __slots__ = ()

    def entities(self) -> dict[str, Entity]:
        """Return the entity behind each key; those of a new entity are known before the server has them."""
        self.collection.current()
        if self._by_key is None and self.collection.entity.state is CREATED:
            self._by_key = values_of_new(self.collection.entity, self.entity_type)
        return super().entities()

    def __getitem__(self, key: str) -> Any:
        """Return the value, from the nearest entity above that has one where the attribute is handed down."""
        value = super().__getitem__(key)
        owner, item = self.collection.entity, self.entities()[key]
        if owner.state is CREATED or item.is_changed("value"):
            return value
        return owner.session.inheritance.value(owner, item["configuration_id"], value)

    def __delitem__(self, key: str) -> None:
        """Have the default again, or what is handed down, once committed; raises UnrecognisedAttributeError."""
        item = self.entities().get(key)
        if item is None:
            raise self.missing(key)
        item["value"] = configurations_for(self.collection.entity)[key]["default"]
        item_key = dict(zip(item.primary_key_attributes, item.primary_key))
        item.session.recorded_operations.push(DeleteEntityOperation(item.entity_type, item_key))

    def get_configuration_id_from_key(self, key: str) -> str:
        """Return the id of the site's setting of this attribute; raises UnrecognisedAttributeError."""
        configuration = configurations_for(self.collection.entity).get(key)
        if configuration is None:
            raise self.missing(key)
        return str(configuration["id"])

    def made(self, key: str, value: Any) -> Entity:
        """Raise, because only the site's settings can add an attribute."""
        raise self.missing(key)

    def replace(self, values: Any) -> None:
        """Give these attributes their values, the others keep theirs; raises CollectionError for what is no mapping."""
        self.refuse_unfit(values)
        self.update(values)


class SparseCustomAttributes(CustomAttributes):
    """The custom attributes of an entity where the server keeps only those that were set: the rest have their default.

    Servers whose schema has no values of each kind of entity, only ``CustomAttributeValue``, are like this.
    """

    __slots__ = ()

    def entities(self) -> dict[str, Entity]:
        """Return the entity behind each key that was set."""
        items = self.collection.current()
        if self._by_key is None:
            keys = {each["id"]: key for key, each in configurations_for(self.collection.entity).items()}
            self._by_key = {keys[item["configuration_id"]]: item for item in items if item["configuration_id"] in keys}
        return self._by_key

    def __getitem__(self, key: str) -> Any:
        """Return the value, from the nearest entity above that has one where the attribute is handed down."""
        owner, item = self.collection.entity, self.entities().get(key)
        if item is not None and (item.state is CREATED or item.is_changed("value")):
            return item["value"]
        configuration = configurations_for(owner).get(key)
        if configuration is None:
            raise self.missing(key)
        own = configuration["default"] if item is None else item["value"]
        return own if owner.state is CREATED else owner.session.inheritance.value(owner, configuration["id"], own)

    def __delitem__(self, key: str) -> None:
        """Have the default again; raises UnrecognisedAttributeError."""
        self.collection.complete()
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

    def made(self, key: str, value: Any) -> Entity:
        """Return the value entity of an attribute that nobody has set yet."""
        owner = self.collection.entity
        configuration_id = self.get_configuration_id_from_key(key)
        data = {"configuration_id": configuration_id, "entity_id": owner.primary_key[0], "value": value}
        return owner.session.create(self.entity_type, data)


def values_of_new(owner: Entity, value_type: str) -> dict[str, Entity]:
    """Return the value entities that the server makes together with a new entity, each with its default."""
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
    """Return the configuration that counts for each key: the one of the project before the one for all."""
    kind = _kind(owner)
    project_id = _project_id(owner, kind)
    chosen: dict[str, Entity] = {}
    for configuration in owner.session.custom_attribute_configurations():
        if not _fits(configuration, owner, kind) or configuration["project_id"] not in (None, project_id):
            continue
        if configuration["key"] not in chosen or configuration["project_id"] is not None:
            chosen[configuration["key"]] = configuration
    return chosen


def read_configurations(session: Session) -> list[Entity]:
    """Return every configuration of the site."""
    return session.query(_CONFIGURATIONS).all()


def _kind(owner: Entity) -> str:
    return _KINDS.get(owner.entity_type, "task")


def _fits(configuration: Entity, owner: Entity, kind: str) -> bool:
    if configuration["is_hierarchical"] and kind in _KINDS_WITH_INHERITANCE:
        return True
    if configuration["entity_type"] != kind:
        return False
    return kind != "task" or bool(configuration["object_type_id"] == owner["object_type_id"])


def _project_id(owner: Entity, kind: str) -> str | None:
    if kind == "show":
        return owner.primary_key[0]
    above = owner
    if kind == "assetversion" and above["asset"]:
        above = above["asset"]["parent"] or above
    for name in ("project_id", "project", "parent"):
        value = above.get(name)
        if isinstance(value, str) and value:
            return value
        if value:
            found: str = value["id"] if value.entity_type == "Project" else value["project_id"]
            return found
    return None
