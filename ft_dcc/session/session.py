"""The session: the client's main class."""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from ft_dcc.errors import Error, NoResultFoundError, OperationError, ParseError
from ft_dcc.session import changes, connection, identity_map, operations, session_events, symbol
from ft_dcc.session.cache import KeyMaker
from ft_dcc.session.compat import entity_text, query_aliases
from ft_dcc.session.entities.attribute import CONFIGURATIONS_QUERY
from ft_dcc.session.entities.entity import Delegated, Entity, FetchGroup, require_entity
from ft_dcc.session.entity_types import doc_aliases, schema
from ft_dcc.session.locations import components, location_setup
from ft_dcc.session.query import query
from ft_dcc.session.query.expression import Expression, field, find

_log = logging.getLogger(__name__)


class Session(connection.Connection, changes.ChangeTracker, components.Storage):
    """A connection to an ftrack server as one user, with the entities that were loaded and changed.

    Threads can share a session: they share its entities, and each commits its own changes.
    """

    types: schema.EntityTypes
    cache = Delegated("_identity_map", "cache", "The entities in memory, and below them the cache of the user.")
    cache_key_maker = Delegated("_identity_map", "key_maker", "The key maker of the caches.")
    event_hub = Delegated("events", "hub", "The event hub; connect it to receive events of other clients.")

    def __init__(
        self,
        server_url: str | None = None,
        api_key: str | None = None,
        api_user: str | None = None,
        auto_populate: bool = True,
        plugin_paths: Sequence[str] | None = None,
        cache: identity_map.CacheSource = None,
        cache_key_maker: KeyMaker | None = None,
        auto_connect_event_hub: bool = False,
        schema_cache_path: str | os.PathLike[str] | Literal[False] | None = None,
        plugin_arguments: Mapping[str, Any] | None = None,
        timeout: float = 60,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        strict_api: bool = False,
    ) -> None:
        connection.Connection.__init__(self, server_url, api_key, api_user, timeout, cookies, headers, strict_api)
        changes.ChangeTracker.__init__(self, auto_populate)
        self._identity_map = identity_map.IdentityMap(self, cache, cache_key_maker)
        self.inheritance = query.Inheritance(self)
        self.events = session_events.SessionEvents(self, headers, cookies)
        self.location_setups = location_setup.LocationSetups(self)
        self._configurations = None
        if auto_connect_event_hub:
            self.event_hub.connect_in_background()
        self.events.load_plugins(plugin_paths, plugin_arguments)
        folder = os.environ.get("FTRACK_API_SCHEMA_CACHE_PATH") if schema_cache_path is None else schema_cache_path
        schemas = schema.SchemaCache(folder, self.server_url).schemas(
            self.server_information.get("schema_hash"), lambda: self.post([{"action": "query_schemas"}])
        )
        self.types = schema.EntityTypes(schemas, self.events.construct_entity_type)
        self.events.construct_subscribed_types(self.types)
        self._configure_locations()
        self.events.publish_local(session_events.READY, session=self)
        # The weak reference does not keep an unused session alive until the process exits.
        self._close_at_exit = partial(_call_if_alive, weakref.WeakMethod(self.close))
        atexit.register(self._close_at_exit)

    @property
    def _local_cache(self) -> identity_map.IdentityMap:
        """The entities in memory under the official client's name, which scripts clear to read them again."""
        return self._identity_map

    @property
    def schemas(self) -> list[schema.Schema]:
        """The server's schemas of its entity types."""
        return list(self.types.schemas.values())

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and remove all entities. Safe to call twice."""
        if self.closed:
            return
        self._discard_all("closed")
        self.transport.close()
        self.events.close()
        atexit.unregister(self._close_at_exit)

    def reset(self) -> None:
        """Remove all entities and uncommitted changes."""
        self._discard_all("reset")
        self._configurations = None
        self.inheritance.clear()
        self._configure_locations()
        self.events.publish_local(session_events.RESET, session=self)

    def _discard_all(self, action: str) -> None:
        """Remove all entities and uncommitted changes; ``action`` completes "the session was …"."""
        if count := len(self.recorded_operations):
            _log.warning("%d changes were not committed before the session was %s.", count, action)
        self.recorded_operations.clear()
        self.unrecorded_operations.clear()
        self._identity_map.clear()

    def query(self, expression: str | Expression, page_size: int = 500) -> query.QueryResult:
        """Return the result, which is fetched page by page when read; raises UnrecognisedEntityTypeError."""
        translated = query_aliases.translate_query(str(expression), self.types)
        if not translated.lstrip().startswith("select"):
            if not translated.strip():
                raise ParseError('The query is empty. Write it like: Task where name is "animation".')
            entity_type = self.types[translated.split(None, 1)[0]]
            translated = f"select {', '.join(entity_type.default_projections)} from {translated}"
        return query.QueryResult(self.call, translated, page_size)

    def get(self, entity_type: str, entity_key: str | Sequence[str]) -> Entity | None:
        """Return the entity with this key, or None; raises UnrecognisedEntityTypeError, ValueError for a bad key."""
        entity_type = self.types.resolve_name(entity_type)
        names = self.types[entity_type].primary_key_attributes
        if not isinstance(entity_key, Iterable):
            raise ValueError(f"{entity_key!r} is not a key of a {entity_type}. Pass its id, or a list of key values.")
        key = [entity_key] if isinstance(entity_key, str) else [str(part) for part in entity_key]
        if len(key) != len(names):
            raise ValueError(
                f"A {entity_type} is identified by {', '.join(names)}: pass {len(names)} values, not {len(key)}."
            )
        found = self._identity_map.find(entity_type, key) or self._identity_map.read_cached(entity_type, key)
        if found is not None:
            return found
        try:
            return self.query(f"{entity_type} where {query.key_condition(names, key)}").one()
        except NoResultFoundError:
            return None

    def get_loaded(self, entity_type: str, entity_key: str) -> Entity | None:
        """Return the entity with this id if it was loaded before, without a request."""
        return self._identity_map.find(entity_type, [entity_key])

    def create(self, entity_type: str, data: Mapping[str, Any] | None = None, reconstructing: bool = False) -> Entity:
        """Create an entity with these values and the schema's defaults; it is sent with the next commit.

        With ``reconstructing`` the values are treated as the server's, and nothing is sent.
        Raises UnrecognisedEntityTypeError, and OperationError if a part of the key is missing.
        """
        if reconstructing:
            return self.reconstruct(entity_type, data or {})
        if self.record_operations:
            entity_type, data = doc_aliases.translate_create(self, entity_type, data or {})
        entity_class = self.types[entity_type]
        values, assigned_later = entity_class.initial_values(data or {})
        recorded = dict(values)
        entity = self._identity_map.add(
            entity_type, values, symbol.CREATED if self.record_operations else symbol.NOT_SET
        )
        if self.record_operations:
            key = dict(zip(entity_class.primary_key_attributes, entity.primary_key))
            self.recorded_operations.push(operations.CreateEntityOperation(entity_type, key, recorded))
        try:
            for name, value in assigned_later.items():
                entity[name] = value
        except Error:
            # Otherwise the next commit would create it without these values.
            self.discard(entity)
            raise
        return entity

    def reconstruct(self, entity_type: str, values: Mapping[str, Any]) -> Entity:
        """Return the entity with these values, which are treated as the server's."""
        return self._identity_map.add(entity_type, dict(values))

    def ensure(
        self, entity_type: str, data: Mapping[str, Any], identifying_keys: Iterable[str] | None = None
    ) -> Entity:
        """Return the entity with these values; it is created or updated, and committed, if necessary.

        It is identified by the values of ``identifying_keys``, or by all of the data. Raises KeyError for a key that is
        not in the data, ValueError if there is no key, MultipleResultsFoundError.
        """
        if isinstance(identifying_keys, str):
            raise ValueError(f"identifying_keys must be a list of attributes, not {identifying_keys!r}.")
        keys = list(identifying_keys or data or ())
        if not keys:
            raise ValueError(f"Nothing identifies the {entity_type} to ensure. Pass data, or identifying_keys.")
        try:
            entity = self.query(find(entity_type).where(*[field(key) == data[key] for key in keys])).one()
        except NoResultFoundError:
            entity = self.create(entity_type, data)
            self.commit()
            return entity
        different = {name: value for name, value in data.items() if entity[name] != value}
        entity.update(different)
        if different:
            self.commit()
        return entity

    def delete(self, entity: Entity) -> None:
        """Delete the entity and all below it with the next commit; raises OperationError for anything else."""
        require_entity(entity, "deleted")
        if self.record_operations:
            key = dict(zip(entity.primary_key_attributes, entity.primary_key))
            self.recorded_operations.push(operations.DeleteEntityOperation(entity.entity_type, key))
            entity.state = symbol.DELETED

    def populate(self, entities: Entity | Iterable[Entity], projections: str) -> None:
        """Fetch the projections ("name, status.name") of the entities in one request."""
        if not isinstance(projections, str) or not projections.strip():
            raise OperationError(f'{projections!r} names no attributes. Pass a text such as "name, status.name".')
        by_type: dict[str, list[Entity]] = {}
        for entity in [entities] if isinstance(entities, Entity) else entities:
            require_entity(entity, "populated")
            # The server does not have new entities.
            if entity.state is not symbol.CREATED:
                by_type.setdefault(entity.entity_type, []).append(entity)
        step, pending = query.MAX_KEYS_PER_QUERY, []
        for name, members in by_type.items():
            for start in range(0, len(members), step):
                condition = query.keys_condition(members[start : start + step])
                expression = f"select {projections} from {name} where {condition}"
                pending.append((query_aliases.translate_query(expression, self.types), ""))
        # The first page of each expression in one request, and so on.
        group = FetchGroup(is_result=False)
        while pending:
            results = self.call([operations.query(expression + page) for expression, page in pending], group)
            pending = [
                (expression, f" offset {offset} limit {step}")
                for (expression, _), result in zip(pending, results)
                if (offset := ((result.get("metadata") or {}).get("next") or {}).get("offset")) is not None
            ]

    def call(self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]], group: FetchGroup | None = None) -> list[Any]:
        """Send raw operations as one transaction and return their results.

        Entities in the results are the session's own, and added to the fetch group. Raises OperationError, ServerError,
        ServerUnreachable.
        """
        batch = [data] if isinstance(data, Mapping) else list(data or ())
        if not all(isinstance(operation, Mapping) for operation in batch):
            raise OperationError(f"{data!r} is not a list of operations. Make them with ft_dcc.session.operations.")
        response = self.transport.post(batch, self._recover)
        results: list[Any] = self._identity_map.loads(response, FetchGroup() if group is None else group)
        return results

    def custom_attribute_configurations(self) -> list[Entity]:
        """Return the site's configurations of custom attributes; they are fetched once."""
        if self._configurations is None:
            self._configurations = self.query(CONFIGURATIONS_QUERY).all()
        return self._configurations

    def merge(self, value: Any) -> Any:
        """Return the session's own entities for those of another session, with their values."""
        return self._identity_map.merge(value)

    def encode(self, data: Any, entity_attribute_strategy: str = "set_only") -> str:
        """Return the data as JSON text, with the attributes of entities that the strategy selects.

        The strategy is ``all``, ``set_only``, ``modified_only`` or ``persisted_only``. Raises ValueError for another.
        """
        return entity_text.encode(data, entity_attribute_strategy)

    def decode(self, string: str) -> Any:
        """Return the decoded JSON text; entities in it are the session's own, and keep their current values."""
        return self._identity_map.loads(string, FetchGroup(is_result=False, is_stale=True))

    def entity_reference(self, entity: Entity) -> dict[str, Any]:
        """Return the reference to the entity for raw operations."""
        return entity.to_wire()

    def _configure_locations(self) -> None:
        self.location_setups.activate(self.server_information.get("storage_scenario"))
        self.events.publish_local(session_events.CONFIGURE_LOCATION, session=self)

    def __repr__(self) -> str:
        return f"<Session {self.api_user} on {self.server_url}{' closed' if self.closed else ''}>"


def _call_if_alive(reference: weakref.WeakMethod[Callable[[], None]]) -> None:
    method = reference()
    if method is not None:
        method()
