"""The session: what scripts talk to."""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from ft_dcc.errors import NoResultFoundError, OperationError
from ft_dcc.session import arrival, custom_attributes, dialect, populating
from ft_dcc.session.cache import Cache, KeyMaker, LayeredCache
from ft_dcc.session.connection import Connection
from ft_dcc.session.encoding import encode
from ft_dcc.session.entity import Entity, require_entity
from ft_dcc.session.expression import Expression
from ft_dcc.session.group import Group
from ft_dcc.session.identity import IdentityMap
from ft_dcc.session.inheritance import Inheritance
from ft_dcc.session.layers import Layers
from ft_dcc.session.location_setup import LocationSetups
from ft_dcc.session.operations import (
    CreateEntityOperation,
    DeleteEntityOperation,
)
from ft_dcc.session.query import QueryResult, identifying, with_projections
from ft_dcc.session.recording import Recorder
from ft_dcc.session.schema import EntityTypes, Schema, SchemaCache
from ft_dcc.session.services import Services
from ft_dcc.session.session_events import CONFIGURE_LOCATION, READY, RESET, SessionEvents
from ft_dcc.session.storage import Storage
from ft_dcc.session.symbol import CREATED, DELETED, NOT_SET

if TYPE_CHECKING:
    from ft_dcc.session.hub import EventHub

_log = logging.getLogger(__name__)


class Session(Connection, Recorder, Services, Storage):
    """A connection to an ftrack server as one user, and what was read and changed over it.

    Threads may share a session: they see the same entities, and each commits what it recorded itself.
    """

    def __init__(
        self,
        server_url: str | None = None,
        api_key: str | None = None,
        api_user: str | None = None,
        auto_populate: bool = True,
        plugin_paths: Sequence[str] | None = None,
        cache: Cache | Callable[[Session], Cache | None] | None = None,
        cache_key_maker: KeyMaker | None = None,
        auto_connect_event_hub: bool = False,
        schema_cache_path: str | os.PathLike[str] | Literal[False] | None = None,
        plugin_arguments: Mapping[str, Any] | None = None,
        timeout: float = 60,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        strict_api: bool = False,
    ) -> None:
        Connection.__init__(
            self,
            server_url,
            api_key,
            api_user,
            timeout=timeout,
            cookies=cookies,
            headers=headers,
            strict_api=strict_api,
        )
        Recorder.__init__(self, auto_populate)
        self._identities = IdentityMap(self)
        self.layers = Layers(self, self._identities, cache, cache_key_maker)
        self.inheritance = Inheritance(self)
        self.events = SessionEvents(self, partial(self._make_event_hub, headers, cookies))
        self.location_setups = LocationSetups(self)
        self._configurations: list[Entity] | None = None
        if auto_connect_event_hub:
            self.event_hub.connect_in_background()
        self.events.load_plugins(plugin_paths, plugin_arguments)
        folder = os.environ.get("FTRACK_API_SCHEMA_CACHE_PATH") if schema_cache_path is None else schema_cache_path
        schemas = SchemaCache(folder, self.server_url).schemas(
            self.server_information.get("schema_hash"), lambda: self.post([{"action": "query_schemas"}])
        )
        self.types = EntityTypes(schemas, self.events.construct_entity_type)
        self.events.construct_awaited_types(self.types)
        self._configure_locations()
        self.events.tell(READY, session=self)
        # The process may end without closing it; a session that nobody holds is not kept for that.
        self._close_at_exit = partial(_close_if_held, weakref.WeakMethod(self.close))
        atexit.register(self._close_at_exit)

    @property
    def schemas(self) -> list[Schema]:
        """What the server says about its entity types."""
        return list(self.types.schemas.values())

    @property
    def event_hub(self) -> EventHub:
        """The hub of the session's events; connect it to hear those of others."""
        return self.events.hub

    @property
    def cache(self) -> LayeredCache:
        """The session's own memory, and below it the cache that was given."""
        return self.layers.cache

    @property
    def cache_key_maker(self) -> KeyMaker:
        """What makes the keys under which entities lie in the caches."""
        return self.layers.key_maker

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection and everything that was read. Safe to call twice."""
        if self.closed:
            return
        if self.recorded_operations:
            _log.warning("%d changes were not committed before the session was closed.", len(self.recorded_operations))
        self.recorded_operations.clear()
        self._identities.clear()
        self.wire.close()
        self.events.close()
        atexit.unregister(self._close_at_exit)

    def reset(self) -> None:
        """Forget what was read, and what was changed and not committed."""
        if self.recorded_operations:
            _log.warning("%d changes were not committed before the session was reset.", len(self.recorded_operations))
        self.recorded_operations.clear()
        self._identities.clear()
        self._configurations = None
        self.inheritance.forget()
        self._configure_locations()
        self.events.tell(RESET, session=self)

    def query(self, expression: str | Expression, page_size: int = 500) -> QueryResult:
        """Return the result of an expression; it is fetched when it is looked at, page by page.

        Raises UnrecognisedEntityTypeError.
        """
        written = dialect.in_words_of(str(expression), self.types)
        return QueryResult(self, with_projections(written, self.types), page_size)

    def get(self, entity_type: str, entity_key: str | Sequence[str]) -> Entity | None:
        """Return the entity with this id, or with this list of key values, or None.

        Raises UnrecognisedEntityTypeError, and ValueError for what is no such key.
        """
        entity_type = self.types.own_name(entity_type)
        names = self.types[entity_type].primary_key_attributes
        if not isinstance(entity_key, Iterable):
            raise ValueError(f"{entity_key!r} is no key of a {entity_type}. Give its id, or a list of key values.")
        key = [entity_key] if isinstance(entity_key, str) else [str(part) for part in entity_key]
        if len(key) != len(names):
            raise ValueError(
                f"A {entity_type} is identified by {', '.join(names)}: give {len(names)} values, not {len(key)}."
            )
        found = self._identities.find(entity_type, key) or self.layers.find(entity_type, key)
        if found is not None:
            return found
        try:
            return self.query(f"{entity_type} where {populating.key_condition(names, key)}").one()
        except NoResultFoundError:
            return None

    def known(self, entity_type: str, entity_key: str) -> Entity | None:
        """Return the entity with this id if the session has seen it; nobody is asked."""
        return self._identities.find(entity_type, [entity_key])

    def create(self, entity_type: str, data: Mapping[str, Any] | None = None, reconstructing: bool = False) -> Entity:
        """Return a new entity with these values and the schema's defaults; it is sent with the next commit.

        With ``reconstructing`` the values are taken for the server's own, and nothing is sent.
        Raises UnrecognisedEntityTypeError, OperationError when a part of the key is missing.
        """
        if reconstructing:
            return self.reconstruct(entity_type, data or {})
        if dialect.is_spoken(entity_type) and self.record_operations:
            entity_type, data = dialect.begin(self, entity_type, data or {})
        make = self.types[entity_type]
        values, later = make.starting_values(data or {})
        recorded = dict(values)
        entity = self._identities.add(entity_type, values, CREATED if self.record_operations else NOT_SET)
        if self.record_operations:
            key = dict(zip(make.primary_key_attributes, entity.primary_key))
            self.recorded_operations.push(CreateEntityOperation(entity_type, key, recorded))
        for name, value in later.items():
            entity[name] = value
        return entity

    def reconstruct(self, entity_type: str, values: Mapping[str, Any]) -> Entity:
        """Return the entity with these values, taken for the server's own."""
        return self._identities.add(entity_type, dict(values))

    def ensure(
        self, entity_type: str, data: Mapping[str, Any], identifying_keys: Iterable[str] | None = None
    ) -> Entity:
        """Return the entity that has these values, made or changed and committed when it is necessary.

        It is looked for by ``identifying_keys``, or by all of the data. Raises KeyError for a key that is not in the
        data, ValueError when there is none, MultipleResultsFoundError.
        """
        if isinstance(identifying_keys, str):
            raise ValueError(f"identifying_keys is a list of attributes, not {identifying_keys!r}. Put it in brackets.")
        keys = list(identifying_keys or data or ())
        if not keys:
            raise ValueError(f"Nothing identifies the {entity_type} to ensure. Give data, or keys of it.")
        try:
            entity = self.query(identifying(entity_type, data, keys)).one()
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
        """Delete the entity, and what the server holds below it, with the next commit.

        Raises OperationError for what is no entity.
        """
        require_entity(entity, "deleted")
        if self.record_operations:
            key = dict(zip(entity.primary_key_attributes, entity.primary_key))
            self.recorded_operations.push(DeleteEntityOperation(entity.entity_type, key))
            entity.state = DELETED

    def populate(self, entities: Entity | Iterable[Entity], projections: str) -> None:
        """Give the entities the values that the projections name ("name, status.name"), in one request."""
        populating.populate(self, entities, projections)

    def call(self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[Any]:
        """Return the server's answers to raw operations, which it does all or none of.

        Entities in the answers are the session's own. Raises OperationError, ServerError, ServerUnreachable.
        """
        batch = [data] if isinstance(data, Mapping) else list(data or ())
        if not all(isinstance(operation, Mapping) for operation in batch):
            raise OperationError(f"{data!r} are no operations. Give a list that session.operations made.")
        return self.ask(batch, Group())

    def ask(self, operations: Sequence[Any], group: Group) -> list[Any]:
        """Return the answers, with their entities in a group that is completed together."""
        answers: list[Any] = self._identities.loads(self.post(operations), group)
        self.layers.keep(group)
        return answers

    def post(self, operations: Sequence[Any]) -> bytes:
        """Return the JSON text that the server answers."""
        recover = None
        if arrival.is_recoverable(operations):
            recover = lambda: arrival.recover(self, operations)  # noqa: E731 - it is called where the line fails
        return self.wire.post(operations, recover)

    def custom_attribute_configurations(self) -> list[Entity]:
        """Return the site's settings of its custom attributes; they are asked for once."""
        if self._configurations is None:
            self._configurations = custom_attributes.read_configurations(self)
        return self._configurations

    def merge(self, value: Any) -> Any:
        """Return the session's own entities for those of another session, with all that is known of them."""
        return self._identities.merge(value)

    def encode(self, data: Any, entity_attribute_strategy: str = "set_only") -> str:
        """Return the data as JSON text, with the attributes of entities that the strategy names.

        It is ``all``, ``set_only``, ``modified_only`` or ``persisted_only``; ValueError is raised for another.
        """
        return encode(data, entity_attribute_strategy)

    def decode(self, string: str) -> Any:
        """Return what JSON text says; entities in it are the session's own, and keep what is known of them."""
        return self._identities.loads(string, Group(is_result=False, is_old=True))

    def entity_reference(self, entity: Entity) -> dict[str, Any]:
        """Return what stands for the entity in a raw operation."""
        return entity.to_wire()

    def _configure_locations(self) -> None:
        self.location_setups.activate(self.server_information.get("storage_scenario"))
        self.events.tell(CONFIGURE_LOCATION, session=self)

    def _make_event_hub(self, headers: Mapping[str, str] | None, cookies: Mapping[str, str] | None) -> EventHub:
        # Who listens to nobody starts without it.
        from ft_dcc.session.hub import EventHub

        return EventHub(self.server_url, self.api_user, self._api_key, headers, cookies)

    def __repr__(self) -> str:
        return f"<Session {self.api_user} on {self.server_url}{' closed' if self.closed else ''}>"


def _close_if_held(closing: weakref.WeakMethod[Callable[[], None]]) -> None:
    close = closing()
    if close is not None:
        close()
