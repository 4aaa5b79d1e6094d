"""Collectors: what the publish is about. They read and change nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, ClassVar, TypeVar

from ft_dcc import review
from ft_dcc.config import read_settings
from ft_dcc.errors import SettingInvalid, TaskNotFound, Unpublishable
from ft_dcc.frames import FrameRange, Resolution, frame_rate
from ft_dcc.publish.engine import COLLECTOR, REVIEW, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.publish.records import Asset, Details, Review, Shot, Task
from ft_dcc.publish.slots import (
    ASSET,
    CAPTURED,
    DETAILS,
    HOST,
    REQUEST,
    REVIEWS,
    SCENE,
    SESSION,
    SHOT,
    SOURCE,
    TASK,
)
from ft_dcc.session.expression import quoted
from ft_dcc.tasks import find_task

if TYPE_CHECKING:
    from ft_dcc.session import Session

T = TypeVar("T")

# Any fixed id does: two publishers that make the same asset at once must come to the same id.
_ASSETS = uuid.UUID("0e6f5f0a-6f55-4c0b-9f0c-3b1d6c1f5b52")


class CollectScene(ContextPlugin):
    """The open scene is read, where there is a host."""

    order = COLLECTOR
    label = "Scene"

    def process(self, context: Context) -> None:
        """SCENE holds the scene, as it was when its cameras were captured ahead, or as it is now."""
        host, captured = HOST.find(context), CAPTURED.find(context)
        if captured is not None:
            SCENE.set(context, captured.scene)
        elif host is not None:
            SCENE.set(context, host.run_in_main_thread(host.scene))


class CollectTask(ContextPlugin):
    """The task is found on the server."""

    order = COLLECTOR
    label = "Task"

    def process(self, context: Context) -> None:
        """TASK holds the task; raises TaskNotFound."""
        scene = SCENE.find(context)
        wanted = REQUEST.get(context).task or (scene.task_id if scene is not None else None)
        wanted = wanted or read_settings().get("task")
        if not wanted:
            raise TaskNotFound("Nobody says which task this is for. Choose one, or set FT_DCC_TASK.")
        TASK.set(context, Task.of(find_task(SESSION.get(context), wanted)))


class CollectShot(ContextPlugin):
    """What the shot wants of its pictures is known."""

    order = COLLECTOR
    label = "Shot"

    def process(self, context: Context) -> None:
        """SHOT holds the shot's settings; one that is not set, or that the site does not have, is None."""
        SHOT.set(context, read_shot(SESSION.get(context), TASK.get(context).parent_id))


def read_shot(session: Session, shot_id: str) -> Shot:
    """Return what a shot wants of its pictures, as the server has it now; raises Unpublishable for nonsense."""
    # A query, not get(): a session lives as long as its host, and the shot may have changed since.
    expression = f"select custom_attributes from Context where id is {quoted(shot_id)}"
    parent = session.query(expression).first()
    attributes = parent["custom_attributes"] if parent is not None else {}
    return _shot({name: attributes[name] for name in attributes})


def _shot(attributes: dict[str, Any]) -> Shot:
    fps, resolution = attributes.get("fps"), attributes.get("resolution")
    try:
        start, end, handles = (int(attributes.get(name) or 0) for name in ("fstart", "fend", "handles"))
        # A number that nobody set reads as nought.
        has_range = bool(start or end)
        return Shot(
            frame_range=FrameRange(start, end, handles) if has_range else None,
            fps=frame_rate(fps) if fps else None,
            resolution=Resolution.parse(resolution) if resolution else None,
        )
    except (SettingInvalid, TypeError, ValueError) as error:
        raise Unpublishable(f"The shot's settings on the server cannot be used. {error}") from error


class CollectReviews(ContextPlugin):
    """The review sessions are found, or it is known which are to be opened."""

    order = COLLECTOR
    label = "Review session"

    def process(self, context: Context) -> None:
        """REVIEWS holds each review session that was asked for, once; raises ReviewSessionClosed or Unpublishable."""
        texts = REQUEST.get(context).review or ()
        found = _answers([partial(_review, context, _named(context, text)) for text in texts])
        REVIEWS.set(context, list({each.id: each for each in found}.values()))


def _answers(questions: Iterable[Callable[[], T]]) -> list[T]:
    """Return the answers; raises what the only question raises that has none, or one Unpublishable that tells all."""
    answers, errors = [], []
    for ask in questions:
        try:
            answers.append(ask())
        except Unpublishable as error:
            errors.append(error)
    if len(errors) > 1:
        raise Unpublishable(" ".join(map(str, errors))) from errors[0]
    if errors:
        raise errors[0]
    return answers


def _named(context: Context, rule: str) -> str:
    task = TASK.get(context)
    try:
        return rule.format(project=task.names[0], shot=task.shot_name, task=task.name)
    except (KeyError, IndexError, ValueError, AttributeError):
        # A rule of the settings is checked when it is read; this is a name that has braces of its own.
        return rule


def _review(context: Context, id_or_name: str) -> Review:
    session, project_id = SESSION.get(context), TASK.get(context).project_id
    found = review.find(session, project_id, id_or_name)
    if found is not None:
        return Review(found["id"], found["name"])
    if is_id(id_or_name):
        raise Unpublishable(f"The project has no review session {id_or_name}. Give another id, or a name.")
    return Review(review.identify(session, project_id, id_or_name), id_or_name)


class CollectDetails(ContextPlugin):
    """The status, the type, the label and the versions that were named are on the server."""

    order = COLLECTOR
    label = "Details"

    def process(self, context: Context) -> None:
        """DETAILS holds their ids; raises Unpublishable for one that is not there, naming those that are."""
        session, request = SESSION.get(context), REQUEST.get(context)
        questions: list[Callable[[], str | None]] = [
            partial(_id_of, session, "Status", "name", request.status),
            partial(_id_of, session, "AssetType", "short", request.asset_type),
            partial(_id_of, session, "NoteLabel", "name", request.label),
            partial(_id_of, session, "User", "username", session.api_user if request.is_noted else None),
            *(partial(_used, session, version_id) for version_id in request.uses),
        ]
        status_id, asset_type_id, label_id, user_id, *_ = _answers(questions)
        artist = _artist(session) if request.is_drawn_on else ""
        DETAILS.set(context, Details(status_id, asset_type_id, label_id, user_id, artist, request.uses))


def _used(session: Session, version_id: str) -> str:
    if session.query(f"select id from AssetVersion where id is {quoted(version_id)}").first() is None:
        raise Unpublishable(f"There is no version {version_id} that this one could be made from.")
    return version_id


def _artist(session: Session) -> str:
    """The name of the session's user, as people write it; one that a site's robot does not have is its user name."""
    expression = f"select first_name, last_name from User where username is {quoted(session.api_user)}"
    user = session.query(expression).first()
    names = [] if user is None else [user["first_name"], user["last_name"]]
    return " ".join(str(name) for name in names if name) or session.api_user


def _id_of(session: Session, entity_type: str, attribute: str, wanted: str | None) -> str | None:
    if not wanted:
        return None
    found = session.query(f"select id from {entity_type} where {attribute} is {quoted(wanted)}").first()
    if found is None:
        known = sorted({str(each[attribute]) for each in session.query(f"select {attribute} from {entity_type}")})
        raise Unpublishable(f"The server has no {entity_type} {wanted!r}. It has {', '.join(known)}.")
    return str(found["id"])


class CollectAsset(InstancePlugin):
    """The asset is found, or it is known which one is to be made."""

    order = COLLECTOR
    label = "Asset"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """ASSET holds the one that was asked for by its id, or that of the task's parent that has the rule's name."""
        context, wanted = instance.context, REQUEST.get(instance.context).asset
        if wanted is not None and is_id(wanted):
            ASSET.set(instance, _existing_asset(SESSION.get(context), wanted))
        else:
            ASSET.set(instance, find_asset(context, _asset_name(context, SOURCE.get(instance).name)))


def is_id(text: str) -> bool:
    """Whether the text is the id of an entity, and no name."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _existing_asset(session: Session, asset_id: str) -> Asset:
    found = session.query(f"select name from Asset where id is {quoted(asset_id)}").first()
    if found is None:
        raise Unpublishable(f"There is no asset {asset_id}. Give another id, or a rule for a name.")
    return Asset(found["id"], found["name"])


def find_asset(context: Context, name: str) -> Asset:
    """Return the asset of this name that the task's parent has, or the one that is to be made."""
    session, task = SESSION.get(context), TASK.get(context)
    conditions = f"context_id is {quoted(task.parent_id)} and name is {quoted(name)}"
    found = session.query(f"select id from Asset where {conditions} order by id").first()
    return Asset(_new_asset_id(context, name) if found is None else found["id"], name)


def _asset_name(context: Context, source_name: str) -> str:
    sources = [instance for instance in context if SOURCE.find(instance) is not None]
    rule = REQUEST.get(context).asset or ("{task}" if len(sources) == 1 else "{task} {source}")
    task = TASK.get(context)
    try:
        return rule.format(task=task.name, shot=task.shot_name, source=source_name)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise SettingInvalid(f"{rule!r} names no asset. Write it with {{task}}, {{shot}} and {{source}}.") from error


def _new_asset_id(context: Context, name: str) -> str:
    derived = str(uuid.uuid5(_ASSETS, f"{TASK.get(context).parent_id}/{name}"))
    # One that was renamed since keeps its id.
    return derived if SESSION.get(context).get("Asset", derived) is None else str(uuid.uuid4())
