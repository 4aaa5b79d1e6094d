"""The server's schemas: the entity types they describe, and the file that keeps them between two sessions."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Optional

from ft_dcc.errors import UnrecognisedEntityTypeError
from ft_dcc.session import entities
from ft_dcc.session.attribute import (
    Attribute,
    Attributes,
    CollectionAttribute,
    CustomAttributesAttribute,
    KeyValueAttribute,
    ReferenceAttribute,
    ScalarAttribute,
    SparseCustomAttributesAttribute,
)
from ft_dcc.session.dialect import TYPES
from ft_dcc.session.entity import Entity, meant
from ft_dcc.session.symbol import NOT_SET
from ft_dcc.session.words import add_words

_log = logging.getLogger(__name__)
_SCALARS = ("string", "boolean", "integer", "number", "variable", "object")
# What ftrack calls some kinds of value where it does not speak of schemas.
_DATA_TYPES = {"number": "float", "date-time": "datetime"}
_MAPPED = {"Metadata": KeyValueAttribute, "CustomAttributeValue": SparseCustomAttributesAttribute}

Schema = dict[str, Any]
Construct = Callable[[Schema, list[Schema]], Optional[type[Entity]]]


class EntityTypes(Mapping[str, type[Entity]]):
    """The class of each entity type; a class is made when it is first asked for.

    ``construct`` gets its schema, and all of them, and returns a class or None for the one that this module makes.
    """

    def __init__(self, schemas: Callable[[], list[Schema]], construct: Construct | None = None) -> None:
        self._schemas, self._construct = schemas, construct
        self._by_id: dict[str, Schema] | None = None
        self._made: dict[str, type[Entity]] = {}

    @property
    def schemas(self) -> dict[str, Schema]:
        """Each schema under the type it describes."""
        if self._by_id is None:
            self._by_id = {schema["id"]: schema for schema in self._schemas()}
        return self._by_id

    def __getitem__(self, entity_type: str) -> type[Entity]:
        made = self._made.get(entity_type)
        if made is None:
            if entity_type not in self.schemas:
                raise UnrecognisedEntityTypeError(
                    f"The server has no entity type {entity_type!r}.{meant(entity_type, self.schemas)}"
                )
            schema = self.schemas[entity_type]
            made = self._construct(schema, list(self.schemas.values())) if self._construct else None
            made = made or make_type(schema)
            # Two threads may both make it: the first one's stays.
            made = self._made.setdefault(entity_type, made)
        return made

    def __setitem__(self, entity_type: str, made: type[Entity]) -> None:
        self._made[entity_type] = made

    def own_name(self, entity_type: str) -> str:
        """Return what the site calls an entity type of the documents."""
        if entity_type in TYPES and entity_type not in self.schemas:
            return TYPES[entity_type]
        return entity_type

    def __iter__(self) -> Iterator[str]:
        return iter(self.schemas)

    def __len__(self) -> int:
        return len(self.schemas)


def make_type(schema: Schema, bases: Iterable[type] = ()) -> type[Entity]:
    """Return the class for the entity type that a schema describes, with what these bases add to it or do otherwise."""
    entity_type = schema["id"]
    immutable, computed = set(schema.get("immutable", ())), set(schema.get("computed", ()))
    attributes = Attributes()
    for name, fragment in schema["properties"].items():
        attribute = _make_attribute(name, fragment, name not in immutable, name in computed)
        if attribute is not None:
            attributes.add(attribute)
    words = add_words(entity_type, attributes)
    kinds = (*bases, *entities.kinds_of(schema))
    return type(
        entity_type,
        tuple(kind for kind in kinds if not any(each is not kind and issubclass(each, kind) for each in kinds)),
        {
            "__slots__": (),
            "__doc__": f"{entity_type} of the server's schema.",
            "__module__": __name__,
            "entity_type": entity_type,
            "attributes": attributes,
            "words": words,
            "defaults": tuple(each for each in attributes.values() if each.default_value is not NOT_SET),
            "shared_values": frozenset(_shared_values(schema)),
            "primary_key_attributes": list(schema["primary_key"]),
            "default_projections": list(schema.get("default_projections", ())),
        },
    )


class StandardFactory:
    """Makes entity types; a plugin's own begins with the answer of this ``create()``, or gives it bases."""

    def create(self, schema: Schema, bases: Iterable[type] | None = None) -> type[Entity]:
        """Return the class for the entity type that a schema describes, see ``make_type()``."""
        return make_type(schema, bases or ())


def _shared_values(schema: Schema) -> Iterator[str]:
    for name, fragment in schema["properties"].items():
        if fragment.get("type") == "string" and name.endswith(("_id", "_type")) and name not in schema["primary_key"]:
            yield name


def _make_attribute(name: str, fragment: Mapping[str, Any], mutable: bool, computed: bool) -> Attribute | None:
    """Return the attribute, or None for what clients cannot read: other servers describe things yet unknown."""
    kind, target = fragment.get("type"), fragment.get("$ref")
    if fragment.get("restricted_projection"):
        return None
    if kind in _SCALARS:
        default = fragment.get("default", NOT_SET)
        data_type = _DATA_TYPES.get(fragment.get("format") or kind, kind)
        return ScalarAttribute(name, data_type, default, mutable, computed)
    if kind is None and target is not None:
        return ReferenceAttribute(name, target, mutable)
    items = fragment.get("items", {}).get("$ref")
    if kind == "array" and items is not None:
        return CollectionAttribute(name, items, mutable)
    if kind == "mapped_array" and items is not None:
        return _MAPPED.get(items, CustomAttributesAttribute)(name, items, mutable)
    _log.debug("The attribute %s has a kind that is not known, and is left out: %s", name, dict(fragment))
    return None


class SchemaCache:
    """A file with the schemas of one server, in a folder that many processes share.

    Its content is the text that the server's hash was made of, so that one look tells whether it is whole and current.
    There is no file for the folder False, and one in the user's own folder for None.
    """

    def __init__(self, folder: str | os.PathLike[str] | Literal[False] | None, server_url: str) -> None:
        import hashlib

        server = hashlib.sha256(server_url.encode()).hexdigest()[:12]
        self._is_used = folder is not False
        self.path = (Path(folder) if folder else _default_folder()) / f"schemas-{server}.json"

    def schemas(self, schema_hash: Any, ask: Callable[[], bytes]) -> Callable[[], list[Schema]]:
        """Return the function that parses the schemas when a type is first needed; their text is here from now on.

        ``ask`` is called for the server's answer where the file does not have them.
        """
        text = self.load(str(schema_hash)) if self._is_used else None
        if text is None:
            answer: list[Schema] = json.loads(ask())[0]
            if self._is_used:
                self.save(answer)
            # Attributes have the same order then as in the sessions that find the file.
            text = text_of(answer)
        return lambda: json.loads(text)

    def load(self, schema_hash: str) -> bytes | None:
        """Return the text of the schemas, or None when the file is missing, damaged or of another day."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("The schema cache %s cannot be read, the schemas are fetched: %s", self.path, error)
            return None
        return text if hash_of(text) == schema_hash else None

    def save(self, schemas: list[Schema]) -> None:
        """Keep the schemas for the next session; a folder that takes no files costs only the time it would save."""
        import uuid

        part = self.path.with_name(f"{self.path.stem}-{uuid.uuid4().hex}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                part.write_bytes(text_of(schemas))
                # A reader sees the old file or the new one, never half of one.
                part.replace(self.path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("The schema cache %s cannot be written, each start fetches them: %s", self.path, error)


def _default_folder() -> Path:
    # Only sessions that were told of no folder need to know where such things lie.
    import platformdirs

    return Path(platformdirs.user_cache_dir("ft-dcc", appauthor=False))


def text_of(schemas: list[Schema]) -> bytes:
    """Return the text that ``schema_hash`` is the hash of."""
    return json.dumps(schemas, sort_keys=True).encode()


def hash_of(text: bytes) -> str:
    """Return the hash as the server writes it."""
    # Only who makes a session needs it, and that loads requests, which needs it too.
    import hashlib

    return hashlib.md5(text, usedforsecurity=False).hexdigest()
