"""The server's schemas: the entity classes that they describe, and their cache file."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Optional

from ft_dcc.errors import UnrecognisedEntityTypeError
from ft_dcc.session.entities import attribute as kinds
from ft_dcc.session.entities.entity import Attribute, Attributes, Entity, suggestion
from ft_dcc.session.entity_types import doc_aliases, entity_mixins
from ft_dcc.session.symbol import NOT_SET

_log = logging.getLogger(__name__)
_SCALAR_TYPES = ("string", "boolean", "integer", "number", "variable", "object")
# The names of data types in ftrack_api that differ from those in schemas.
_DATA_TYPES = {"number": "float", "date-time": "datetime"}

Schema = dict[str, Any]
# Gets the schema of a type, and all schemas; returns a class, or None for the default class.
Construct = Callable[[Schema, list[Schema]], Optional[type[Entity]]]


class EntityTypes(Mapping[str, type[Entity]]):
    """The class of each entity type; a class is created on the first access."""

    def __init__(self, schemas: Callable[[], list[Schema]], construct: Construct | None = None) -> None:
        self._schemas, self._construct = schemas, construct
        self._by_id: dict[str, Schema] | None = None
        self._classes: dict[str, type[Entity]] = {}

    @property
    def schemas(self) -> dict[str, Schema]:
        """The schema of each entity type."""
        if self._by_id is None:
            self._by_id = {schema["id"]: schema for schema in self._schemas()}
        return self._by_id

    def __getitem__(self, entity_type: str) -> type[Entity]:
        entity_class = self._classes.get(entity_type)
        if entity_class is None:
            if entity_type not in self.schemas:
                raise UnrecognisedEntityTypeError(
                    f"The server has no entity type {entity_type!r}.{suggestion(entity_type, self.schemas)}"
                )
            schema = self.schemas[entity_type]
            entity_class = self._construct(schema, list(self.schemas.values())) if self._construct else None
            entity_class = entity_class or make_type(schema)
            # If two threads create it, both use the first.
            entity_class = self._classes.setdefault(entity_type, entity_class)
        return entity_class

    def __setitem__(self, entity_type: str, entity_class: type[Entity]) -> None:
        self._classes[entity_type] = entity_class

    def resolve_name(self, entity_type: str) -> str:
        """Return the site's name of an entity type of ftrack's documentation."""
        if entity_type in doc_aliases.TYPE_ALIASES and entity_type not in self.schemas:
            return doc_aliases.TYPE_ALIASES[entity_type]
        return entity_type

    def __iter__(self) -> Iterator[str]:
        return iter(self.schemas)

    def __len__(self) -> int:
        return len(self.schemas)


def make_type(schema: Schema, bases: Iterable[type] = ()) -> type[Entity]:
    """Return the class of the entity type that a schema describes, with additional base classes."""
    entity_type = schema["id"]
    immutable, computed = set(schema.get("immutable", ())), set(schema.get("computed", ()))
    attributes = Attributes()
    for name, fragment in schema["properties"].items():
        attribute = _make_attribute(name, fragment, name not in immutable, name in computed)
        if attribute is not None:
            attributes.add(attribute)
    alias_attributes = doc_aliases.add_aliases(entity_type, attributes)
    all_bases = (*bases, *entity_mixins.mixins_for(schema))
    return type(
        entity_type,
        # Bases of other bases are left out, which Python could not put into an order.
        tuple(base for base in all_bases if not any(each is not base and issubclass(each, base) for each in all_bases)),
        {
            "__slots__": (),
            "__doc__": f"{entity_type} of the server's schema.",
            "__module__": __name__,
            "entity_type": entity_type,
            "attributes": attributes,
            "alias_attributes": alias_attributes,
            "defaults": tuple(each for each in attributes.values() if each.default_value is not NOT_SET),
            "shared_values": frozenset(
                name
                for name, fragment in schema["properties"].items()
                if fragment.get("type") == "string" and name.endswith(("_id", "_type"))
            ).difference(schema["primary_key"]),
            "primary_key_attributes": list(schema["primary_key"]),
            "default_projections": list(schema.get("default_projections", ())),
        },
    )


class StandardFactory:
    """The factory of entity classes that plugins extend, like ``ftrack_api``'s."""

    def create(self, schema: Schema, bases: Iterable[type] | None = None) -> type[Entity]:
        """Return the class of the entity type that a schema describes, see ``make_type()``."""
        return make_type(schema, bases or ())


def _make_attribute(name: str, fragment: Mapping[str, Any], mutable: bool, computed: bool) -> Attribute | None:
    """Return the attribute, or None if clients cannot read it or its kind is unknown."""
    kind, target = fragment.get("type"), fragment.get("$ref")
    if fragment.get("restricted_projection"):
        return None
    if kind in _SCALAR_TYPES:
        default = fragment.get("default", NOT_SET)
        data_type = _DATA_TYPES.get(fragment.get("format") or kind, kind)
        return kinds.ScalarAttribute(name, data_type, default, mutable, computed)
    if kind is None and target is not None:
        return kinds.ReferenceAttribute(name, target, mutable)
    items = fragment.get("items", {}).get("$ref")
    if kind == "array" and items is not None:
        return kinds.CollectionAttribute(name, items, mutable)
    if kind == "mapped_array" and items is not None:
        kind_of_mapping = kinds.KeyValueAttribute if items == "Metadata" else kinds.CustomAttributesAttribute
        return kind_of_mapping(name, items, mutable)
    _log.debug("The attribute %s has an unknown kind and is left out: %s", name, dict(fragment))
    return None


class SchemaCache:
    """The cache file for the schemas of one server, in a folder that processes share."""

    # Its content is the text that the server hashes, so the hash shows whether the file is complete and current.
    # The folder False disables the file; None stands for the user's cache folder.

    def __init__(self, folder: str | os.PathLike[str] | Literal[False] | None, server_url: str) -> None:
        # Imported late: importing the package does not need them.
        import hashlib

        self._is_enabled = folder is not False
        if not folder:
            import platformdirs

            folder = platformdirs.user_cache_dir("ft-dcc", appauthor=False)
        self.path = Path(folder, f"schemas-{hashlib.sha256(server_url.encode()).hexdigest()[:12]}.json")

    def schemas(self, schema_hash: Any, fetch: Callable[[], bytes]) -> Callable[[], list[Schema]]:
        """Return a function that parses the schemas, from the file or, if it is outdated, from ``fetch``."""
        text = self.load(str(schema_hash)) if self._is_enabled else None
        if text is None:
            schemas: list[Schema] = json.loads(fetch())[0]
            if self._is_enabled:
                self.save(schemas)
            # The text gives attributes the same order as in sessions that load the file.
            text = text_of(schemas)
        return lambda: json.loads(text)

    def load(self, schema_hash: str) -> bytes | None:
        """Return the text of the schemas, or None if the file is missing, damaged or outdated."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("The schema cache %s cannot be read, so the schemas are fetched: %s", self.path, error)
            return None
        return text if hash_of(text) == schema_hash else None

    def save(self, schemas: list[Schema]) -> None:
        """Write the schemas to the file; a failure is logged."""
        from ft_dcc.files.atomic import write_atomically

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, text_of(schemas))
        except OSError as error:
            _log.warning("The schema cache %s cannot be written; each start fetches the schemas: %s", self.path, error)


def text_of(schemas: list[Schema]) -> bytes:
    """Return the text that the server hashes for ``schema_hash``."""
    return json.dumps(schemas, sort_keys=True).encode()


def hash_of(text: bytes) -> str:
    """Return the hash in the form of ``schema_hash``."""
    # Imported late: importing the package does not need it.
    import hashlib

    return hashlib.md5(text, usedforsecurity=False).hexdigest()
