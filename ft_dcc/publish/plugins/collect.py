"""Collectors of the publish as a whole. They read and change nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, ClassVar, TypeVar

from ft_dcc.errors import NotFoundError, SettingInvalid, TaskNotFound, UserFixableError
from ft_dcc.frames import FrameRange, Resolution, frame_rate
from ft_dcc.production import review_sessions, tasks
from ft_dcc.publish import models, slots
from ft_dcc.publish.pipeline.pyblish_adapter import COLLECTOR, REVIEW, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.review.feedback import find_note_id
from ft_dcc.session.query.expression import quoted
from ft_dcc.settings.resolve import read_settings

if TYPE_CHECKING:
    from ft_dcc.session import Session

T = TypeVar("T")

# A fixed namespace: two publishers that create the same asset at once must derive the same id.
_ASSET_NAMESPACE = uuid.UUID("0e6f5f0a-6f55-4c0b-9f0c-3b1d6c1f5b52")


class CollectScene(ContextPlugin):
    """Read the open scene, if there is a host."""

    order = COLLECTOR
    label = "Scene"

    def process(self, context: Context) -> None:
        """Set SCENE to the scene at the time of an offline capture, or to the open scene."""
        host, captured = slots.HOST.find(context), slots.OFFLINE_CAPTURE.find(context)
        if captured is not None:
            slots.SCENE.set(context, captured.scene)
        elif host is not None:
            slots.SCENE.set(context, host.run_in_main_thread(host.scene))


class CollectTask(ContextPlugin):
    """Find the task on the server."""

    order = COLLECTOR
    label = "Task"

    def process(self, context: Context) -> None:
        """Set TASK; raise TaskNotFound."""
        scene = slots.SCENE.find(context)
        wanted = slots.REQUEST.get(context).task or (scene.task_id if scene is not None else None)
        wanted = wanted or read_settings().get("task")
        if not wanted:
            raise TaskNotFound("No task. Choose one, or add --task PROJECT/SEQUENCE/SHOT/TASK.")
        slots.TASK.set(context, models.Task.of(tasks.find_task(slots.SESSION.get(context), wanted)))


class CollectShot(ContextPlugin):
    """Read the shot's frame range, rate and resolution."""

    order = COLLECTOR
    label = "Shot"

    def process(self, context: Context) -> None:
        """Set SHOT; attributes that are not set, or that the site does not have, are None."""
        slots.SHOT.set(context, read_shot(slots.SESSION.get(context), slots.TASK.get(context).parent_id))


def read_shot(session: Session, shot_id: str) -> models.Shot:
    """Return the shot's values on the server; raise UserFixableError if they are invalid."""
    # A query, not get(): the session lives as long as its host, and the shot may have changed in the meantime.
    expression = f"select custom_attributes from Context where id is {quoted(shot_id)}"
    parent = session.query(expression).first()
    if parent is None:
        return _shot({})
    attributes = parent["custom_attributes"]
    return _shot({name: attributes.inherited(name) for name in attributes})


def _shot(attributes: dict[str, Any]) -> models.Shot:
    fps, resolution = attributes.get("fps"), attributes.get("resolution")
    try:
        start, end, handles = (int(attributes.get(name) or 0) for name in ("fstart", "fend", "handles"))
        # A number that is not set reads as 0.
        has_range = bool(start or end)
        return models.Shot(
            frame_range=FrameRange(start, end, handles) if has_range else None,
            fps=frame_rate(fps) if fps else None,
            resolution=Resolution.parse(resolution) if resolution else None,
        )
    except (SettingInvalid, TypeError, ValueError) as error:
        raise UserFixableError(f"The shot's attributes on the server are invalid. {error}") from error


class CollectReviews(ContextPlugin):
    """Find the review sessions, or derive the ids of those that will be created."""

    order = COLLECTOR
    label = "Review session"

    def process(self, context: Context) -> None:
        """Set REVIEWS to the distinct review sessions; raise ReviewSessionClosed or UserFixableError."""
        texts = slots.REQUEST.get(context).review or ()
        found = _collect_all([partial(_review, context, _expand(context, text)) for text in texts])
        slots.REVIEWS.set(context, list({each.id: each for each in found}.values()))


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


def _expand(context: Context, rule: str) -> str:
    task = slots.TASK.get(context)
    try:
        return rule.format(project=task.names[0], shot=task.shot_name, task=task.name)
    except (KeyError, IndexError, ValueError, AttributeError):
        # Rules of the settings are validated when they are read; this is a name that contains braces.
        return rule


def _review(context: Context, id_or_name: str) -> models.Review:
    session, project_id = slots.SESSION.get(context), slots.TASK.get(context).project_id
    found = review_sessions.find_open(session, project_id, id_or_name)
    if found is not None:
        return models.Review(found["id"], found["name"])
    if is_id(id_or_name):
        raise UserFixableError(f"The project has no review session {id_or_name}. Give another id, or a name.")
    return models.Review(review_sessions.derive_id(session, project_id, id_or_name), id_or_name)


class CollectOptions(ContextPlugin):
    """Find the requested status, asset type, label and used versions on the server."""

    order = COLLECTOR
    label = "Options"

    def process(self, context: Context) -> None:
        """Set OPTIONS to their ids; raise UserFixableError, which lists the existing names, for an unknown one."""
        session, request = slots.SESSION.get(context), slots.REQUEST.get(context)
        lookups: list[Callable[[], str | None]] = [
            partial(_id_of, session, "Status", "name", request.status),
            partial(_id_of, session, "AssetType", "short", request.asset_type),
            partial(_id_of, session, "NoteLabel", "name", request.label),
            partial(_id_of, session, "User", "username", session.api_user if request.has_note else None),
            partial(_id_of, session, "Status", "name", request.task_status),
            *(partial(_addressed_note, session, note) for note in request.addresses),
            *(partial(_used_version, session, version_id) for version_id in request.uses),
        ]
        status_id, asset_type_id, label_id, user_id, task_status_id, *others = _collect_all(lookups)
        addresses = tuple(str(note_id) for note_id in others[: len(request.addresses)])
        artist = _artist(session) if request.has_burnin else ""
        slots.OPTIONS.set(
            context,
            models.ResolvedOptions(
                status_id, asset_type_id, label_id, user_id, artist, request.uses, addresses, task_status_id
            ),
        )


def _addressed_note(session: Session, id_or_start: str) -> str:
    try:
        return find_note_id(session, id_or_start)
    except NotFoundError as error:
        raise UserFixableError(f"{error} Change --addresses.") from error


def _used_version(session: Session, version_id: str) -> str:
    if session.query(f"select id from AssetVersion where id is {quoted(version_id)}").first() is None:
        raise UserFixableError(f"The used version {version_id} does not exist. Give another id with --uses.")
    return version_id


def _artist(session: Session) -> str:
    """Return the full name of the session's user, or the user name of an account that has none."""
    expression = f"select first_name, last_name from User where username is {quoted(session.api_user)}"
    user = session.query(expression).first()
    names = [] if user is None else [user["first_name"], user["last_name"]]
    return " ".join(str(name) for name in names if name) or session.api_user


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
        context, wanted = instance.context, slots.REQUEST.get(instance.context).asset
        if wanted is not None and is_id(wanted):
            slots.ASSET.set(instance, _existing_asset(slots.SESSION.get(context), wanted))
        else:
            slots.ASSET.set(instance, find_asset(context, _asset_name(context, slots.SOURCE.get(instance).name)))


def is_id(text: str) -> bool:
    """Return whether the text is an entity's id rather than a name."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _existing_asset(session: Session, asset_id: str) -> models.Asset:
    found = session.query(f"select name from Asset where id is {quoted(asset_id)}").first()
    if found is None:
        raise UserFixableError(f"There is no asset {asset_id}. Give another id, or a rule for a name.")
    return models.Asset(found["id"], found["name"])


def find_asset(context: Context, name: str) -> models.Asset:
    """Return the asset of this name under the task's parent, or the one that will be created."""
    session, task = slots.SESSION.get(context), slots.TASK.get(context)
    conditions = f"context_id is {quoted(task.parent_id)} and name is {quoted(name)}"
    found = session.query(f"select id from Asset where {conditions} order by id").first()
    return models.Asset(_new_asset_id(context, name) if found is None else found["id"], name)


def _asset_name(context: Context, source_name: str) -> str:
    sources = [instance for instance in context if slots.SOURCE.find(instance) is not None]
    rule = slots.REQUEST.get(context).asset or ("{task}" if len(sources) == 1 else "{task} {source}")
    task = slots.TASK.get(context)
    try:
        return rule.format(task=task.name, shot=task.shot_name, source=source_name)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise SettingInvalid(
            f"{rule!r} is not a rule for an asset's name. Write it with {{task}}, {{shot}} and {{source}}."
        ) from error


def _new_asset_id(context: Context, name: str) -> str:
    derived = str(uuid.uuid5(_ASSET_NAMESPACE, f"{slots.TASK.get(context).parent_id}/{name}"))
    # An asset that was renamed in the meantime keeps the derived id.
    return derived if slots.SESSION.get(context).get("Asset", derived) is None else str(uuid.uuid4())
