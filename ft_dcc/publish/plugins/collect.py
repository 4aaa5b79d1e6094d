"""Collectors of the publish as a whole. They read and change nothing."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, Callable, ClassVar, TypeVar

from ft_dcc.errors import NotFoundError, SettingInvalid, TaskNotFound, UserFixableError
from ft_dcc.frames import FrameRange, Resolution, frame_rate
from ft_dcc.host_support.look_presets import choose_look, find_presets
from ft_dcc.production import review_sessions, tasks, version_lists
from ft_dcc.publish import encode_source, models, slots
from ft_dcc.publish.custom_values import resolve_metadata, version_configurations
from ft_dcc.publish.pipeline.pyblish_adapter import COLLECTOR, REVIEW, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.review.feedback import find_note_id
from ft_dcc.session import Session
from ft_dcc.session.query.expression import quoted
from ft_dcc.settings import fields, resolve

T = TypeVar("T")

# A fixed namespace: two publishers that create the same asset at once must derive the same id.
_ASSET_NAMESPACE = uuid.UUID("0e6f5f0a-6f55-4c0b-9f0c-3b1d6c1f5b52")


class Collector(ContextPlugin):
    """Reads one value of the publish as a whole."""

    order = COLLECTOR


class CollectScene(Collector):
    """Read the open scene, if there is a host."""

    label = "Scene"

    def process(self, context: Context) -> None:
        """Set SCENE to the scene at the time of an offline capture, or to the open scene."""
        host, captured = slots.HOST.find(context), slots.OFFLINE_CAPTURE.find(context)
        if captured is not None:
            slots.SCENE.set(context, captured.scene)
        elif host is not None:
            slots.SCENE.set(context, host.run_in_main_thread(host.scene))


class CollectTask(Collector):
    """Find the task, or the shot or asset of a version without one, on the server."""

    label = "Task"

    def process(self, context: Context) -> None:
        """Set TASK; raise TaskNotFound."""
        scene = slots.SCENE.find(context)
        wanted = slots.REQUEST.get(context).context or (scene.task_id if scene is not None else None)
        wanted = wanted or resolve.read_settings().get("task")
        if not wanted:
            raise TaskNotFound("No task. Choose one.", option="task PROJECT/SEQUENCE/SHOT/TASK")
        slots.TASK.set(context, models.Task.of(tasks.find_task(slots.SESSION.get(context), wanted, or_parent=True)))


class CollectLook(Collector):
    """Find the look of playblasts: the requested one, that of the task's type, or that of the settings."""

    label = "Look"

    def process(self, context: Context) -> None:
        """Set LOOK; raise SettingInvalid for an unknown preset."""
        task = slots.TASK.find(context)
        presets = find_presets(slots.HOST.find(context), resolve.read_settings(), "" if task is None else task.type)
        slots.LOOK.set(context, choose_look(slots.REQUEST.get(context).look, presets))


class CollectShot(Collector):
    """Read the shot's frame range, rate and resolution."""

    label = "Shot"

    def process(self, context: Context) -> None:
        """Set SHOT; attributes that are not set, or that the site does not have, are None."""
        slots.SHOT.set(context, read_shot(slots.SESSION.get(context), slots.TASK.get(context).parent_id))


def read_shot(session: Session, shot_id: str) -> models.Shot:
    """Return the shot's values on the server; raise UserFixableError if they are invalid."""
    # A query, not get(): the session lives as long as its host, and the shot may have changed in the meantime.
    parent = session.query(f"select custom_attributes from Context where id is {quoted(shot_id)}").first()
    if parent is None:
        return models.Shot()
    values = {name: parent["custom_attributes"].inherited(name) for name in parent["custom_attributes"]}
    fps, resolution = values.get("fps"), values.get("resolution")
    try:
        start, end, handles = (int(values.get(name) or 0) for name in ("fstart", "fend", "handles"))
        return models.Shot(
            # A number that is not set reads as 0.
            frame_range=FrameRange(start, end, handles) if start or end else None,
            fps=frame_rate(fps) if fps else None,
            resolution=Resolution.parse(resolution) if resolution else None,
            id=shot_id,
            # As JSON can have them.
            attributes={
                name: value if isinstance(value, (str, int, float, list, type(None))) else _as_text(value)
                for name, value in values.items()
            },
        )
    except (SettingInvalid, TypeError, ValueError) as error:
        raise UserFixableError(f"The shot's attributes on the server are invalid. {error}") from error


class CollectReviews(Collector):
    """Find the review sessions, or derive the ids of those that will be created."""

    label = "Review session"

    def process(self, context: Context) -> None:
        """Set REVIEWS to the distinct review sessions; raise ReviewSessionClosed or UserFixableError."""
        texts = slots.REQUEST.get(context).review or ()
        found = _collect_all([partial(_find, context, review_sessions, "review session", text) for text in texts])
        slots.REVIEWS.set(context, list({key: models.Review(key, name) for key, name, _ in found}.values()))


def _collect_all(functions: Iterable[Callable[[], T]]) -> list[T]:
    """Return the result of each function; raise the only UserFixableError, or one with the messages of all."""
    results, errors = [], []
    for function in functions:
        try:
            results.append(function())
        except UserFixableError as error:
            errors.append(error)
    if len(errors) > 1:
        raise UserFixableError(" ".join(map(str, errors))) from errors[0]
    if errors:
        raise errors[0]
    return results


def _find(context: Context, module: Any, kind: str, rule: str) -> tuple[str, str, bool]:
    """Return id and name of what has this id, or the name that the rule makes, and whether it exists already."""
    session, task = slots.SESSION.get(context), slots.TASK.get(context)
    name = _fill(rule, context)
    found = module.find_open(session, task.project_id, name)
    if found is not None:
        return found["id"], found["name"], True
    if is_id(name):
        raise UserFixableError(f"The project has no {kind} {name}. Give another id, or a name.")
    return _derived(session, module.ENTITY_TYPE, module.NAMESPACE, f"{task.project_id}/{name}"), name, False


def _derived(session: Session, entity_type: str, namespace: uuid.UUID, text: str) -> str:
    """Return the id of a new entity, the same for all publishers, unless one that was renamed keeps that id."""
    derived = str(uuid.uuid5(namespace, text))
    return derived if session.get(entity_type, derived) is None else str(uuid.uuid4())


def _fill(rule: str, context: Context) -> str:
    """Return the name that the rule makes of the fields of the task."""
    # Rules of the settings are validated when they are read; any other error is a name that contains braces.
    with suppress(KeyError, IndexError, ValueError, AttributeError):
        return fields.fill(rule, encode_source.task_fields(context))
    return rule


class CollectLists(Collector):
    """Find the lists of versions, or derive the ids of those that will be created."""

    label = "Lists"

    def process(self, context: Context) -> None:
        """Set LISTS to the distinct lists; raise UserFixableError for one that is closed, or an unknown id."""
        texts = slots.REQUEST.get(context).lists or ()
        found = _collect_all([partial(_find, context, version_lists, "list of versions", text) for text in texts])
        category: Any = None
        if not all(exists for _, _, exists in found):
            session = slots.SESSION.get(context)
            category = session.query("select id from ListCategory order by name").first()
            if category is None:
                raise UserFixableError(f"{session.server_url} has no category of lists. Create the list there first.")
        lists = {key: models.VersionList(key, name, None if exists else category["id"]) for key, name, exists in found}
        slots.LISTS.set(context, list(lists.values()))


class CollectOptions(Collector):
    """Find the requested status, asset type, label and used versions on the server."""

    label = "Options"

    def process(self, context: Context) -> None:
        """Set OPTIONS to their ids; raise UserFixableError, which lists the existing names, for an unknown one."""
        session, request = slots.SESSION.get(context), slots.REQUEST.get(context)
        lookups: list[Callable[[], str | None]] = [
            partial(_id_of, session, "Status", "name", request.status),
            partial(_id_of, session, "AssetType", "short", request.asset_type),
            partial(_id_of, session, "NoteLabel", "name", request.label),
            partial(_id_of, session, "User", "username", session.api_user if request.note or request.label else None),
            partial(_id_of, session, "Status", "name", request.task_status),
            *(partial(_addressed_note, session, note) for note in request.addresses),
            *(partial(_used_version, session, version_id) for version_id in request.uses),
        ]
        status_id, asset_type_id, label_id, user_id, task_status_id, *others = _collect_all(lookups)
        addresses = tuple(str(note_id) for note_id in others[: len(request.addresses)])
        artist = ""
        # A rule or a burn-in may have it; without either, a publish saves the request.
        if request.draws_field("") or any("{artist" in (text or "") for text in request.rules):
            user = session.query(
                f"select first_name, last_name from User where username is {quoted(session.api_user)}"
            ).first()
            names = [] if user is None else [user["first_name"], user["last_name"]]
            artist = " ".join(str(name) for name in names if name) or session.api_user
        attributes = _attribute_values(context, request.attribute_fields)
        resolved = (status_id, asset_type_id, label_id, user_id, artist, request.uses, addresses, task_status_id)
        known = version_configurations(session, slots.TASK.get(context).project_id) if request.metadata else {}
        metadata = resolve_metadata(request.metadata, known)
        slots.OPTIONS.set(context, models.ResolvedOptions(*resolved, attributes, *metadata))


def _attribute_values(context: Context, wanted: Sequence[str]) -> dict[str, Any]:
    """Return custom attributes of the task's parents and its version, such as "shot.fstart"; raise UserFixableError."""
    # The version's are inherited from the shot, or have their default.
    if not wanted:
        return {}
    session, task = slots.SESSION.get(context), slots.TASK.get(context)
    of_shot = slots.SHOT.get(context).attributes
    known = {"shot": of_shot}
    for level in {field.partition(".")[0] for field in wanted} & task.levels.keys() - {"shot"}:
        owner_id = task.ids[task.levels[level]]
        found = session.query(f"select custom_attributes from Context where id is {quoted(owner_id)}").one()
        attributes = found["custom_attributes"]
        known[level] = {key: attributes.inherited(key) for key in attributes}
    of_version = {
        key: of_shot[key] if each["is_hierarchical"] and key in of_shot else each["default"]
        for key, each in version_configurations(session, task.project_id).items()
    }
    texts: dict[str, Any] = {}
    for owner, _, name in (field.partition(".") for field in wanted):
        # A path may have no episode.
        values = of_version if owner == "version" else known.get(owner, {})
        if name not in values:
            near = difflib.get_close_matches(name, values, 1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise UserFixableError(
                f"A burn-in or rule has {{{owner}.{name}}}, and the {owner} has no such attribute. {hint}"
                f"There are: {', '.join(sorted(values)) or 'none'}."
            )
        texts[f"{owner}.{name}"] = _as_field(values[name])
    return texts


def _as_field(value: Any) -> str | int | float:
    """Return the value of a custom attribute as a format can write it: a number, or a text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value) if float(value).is_integer() else value
    return _as_text(value)


def _as_text(value: Any) -> str:
    """Return the value of a custom attribute as it is drawn."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_as_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "date"):
        return str(value.date())
    return "" if value is None else str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _addressed_note(session: Session, id_or_start: str) -> str:
    try:
        return find_note_id(session, id_or_start)
    except NotFoundError as error:
        raise UserFixableError(f"{error} Choose other notes.") from error


def _used_version(session: Session, version_id: str) -> str:
    if session.query(f"select id from AssetVersion where id is {quoted(version_id)}").first() is None:
        raise UserFixableError(f"The used version {version_id} does not exist. Give another id.")
    return version_id


def _id_of(session: Session, entity_type: str, attribute: str, name: str | None) -> str | None:
    if not name:
        return None
    found = session.query(f"select id from {entity_type} where {attribute} is {quoted(name)}").first()
    if found is None:
        known = sorted({str(each[attribute]) for each in session.query(f"select {attribute} from {entity_type}")})
        raise UserFixableError(f"The server has no {entity_type} {name!r}. It has {', '.join(known)}.")
    return str(found["id"])


class CollectAsset(InstancePlugin):
    """Find the asset, or derive the id of the one that will be created."""

    order = COLLECTOR
    label = "Asset"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Set ASSET to the asset with the requested id, or to the parent's asset with the rule's name."""
        context, source = instance.context, slots.SOURCE.get(instance)
        session, task, request = slots.SESSION.get(context), slots.TASK.get(context), slots.REQUEST.get(context)
        wanted, scene = request.asset, slots.SCENE.find(context)
        if wanted is not None and is_id(wanted):
            found = session.query(f"select name from Asset where id is {quoted(wanted)}").first()
            if found is None:
                raise UserFixableError(f"There is no asset {wanted}. Give another id, or a rule for a name.")
            slots.ASSET.set(instance, models.Asset(found["id"], found["name"]))
            return
        # Not all of them for each of thousands.
        sources = list(islice((each for each in context if slots.SOURCE.find(each) is not None), 2))
        field = "{task}" if task.is_task else "{source}" if task.is_project else "{shot}"
        suffix = request.asset_suffix
        if suffix is None and scene is not None:
            suffix = scene.asset_suffixes.get(source.name)
        is_alone = len(sources) == 1 and not request.is_one_of_several
        rule = wanted or (field if is_alone or task.is_project or suffix is not None else f"{field} {{source}}")
        if fields.attribute_fields([rule]):
            # They are missing if CollectOptions has failed, which is reported.
            slots.OPTIONS.get(context)
        try:
            name = fields.fill(rule, encode_source.source_fields(instance))
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise SettingInvalid(
                f"{rule!r} is not a rule for an asset's name. Known fields: {', '.join(fields.SOURCE_FIELDS)}."
            ) from error
        if suffix and "{source}" not in rule:
            name = f"{name} {suffix}"
        if not name.strip():
            raise UserFixableError(
                f"{rule!r} gives the asset no name, since {task.path} is no task. Use {{shot}} in it."
            )
        slots.ASSET.set(instance, find_asset(context, name))


def find_asset(context: Context, name: str) -> models.Asset:
    """Return the asset of this name of the shot, or the one that will be created."""
    session, parent_id = slots.SESSION.get(context), slots.TASK.get(context).parent_id
    conditions = f"context_id is {quoted(parent_id)} and name is {quoted(name)}"
    found = session.query(f"select id from Asset where {conditions} order by id").first()
    if found is not None:
        return models.Asset(found["id"], name)
    return models.Asset(_derived(session, "Asset", _ASSET_NAMESPACE, f"{parent_id}/{name}"), name)


def is_id(text: str) -> bool:
    """Return whether the text is an entity's id rather than a name."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
