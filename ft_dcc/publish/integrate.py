"""Integrators: the files go up first, and then one transaction makes the version, or nothing."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ft_dcc import review
from ft_dcc.errors import ServerError, ServerUnreachable
from ft_dcc.media import Media
from ft_dcc.publish.engine import INTEGRATOR, Context, Instance, InstancePlugin
from ft_dcc.publish.records import Clip, Component, Progress, Registered, derived_id
from ft_dcc.publish.slots import (
    ASSET,
    CLIP,
    COMPONENTS,
    FILM,
    LINK,
    PULSE,
    REGISTERED,
    REQUEST,
    REVIEW,
    SESSION,
    SOURCE,
    TASK,
    THUMBNAIL,
    VERSION_ID,
)
from ft_dcc.session import SERVER_LOCATION_ID, operations
from ft_dcc.session.expression import quoted
from ft_dcc.session.transfer import upload

if TYPE_CHECKING:
    from ft_dcc.session import Session

_COMPONENT_NAMES = ("ftrackreview-mp4", "thumbnail")

# What the asset is made as, by the kind of source; the first that the site has.
_ASSET_TYPES = {"camera": ("playblast", "upload"), "frames": ("upload",), "film": ("upload",)}


class UploadComponents(InstancePlugin):
    """The film and the thumbnail are on the server, where nobody sees them yet."""

    order = INTEGRATOR
    label = "Upload"

    def process(self, instance: Instance) -> None:
        """COMPONENTS holds both; raises TransferFailed or ServerUnreachable. Repeating it is harmless."""
        files = (FILM.get(instance), THUMBNAIL.get(instance))
        COMPONENTS.set(instance, [_upload(instance, media) for media in files])


def _upload(instance: Instance, media: Media) -> Component:
    pulse, source = PULSE.get(instance.context), SOURCE.get(instance).name
    component_id = derived_id(VERSION_ID.get(instance), media.component_name)

    def on_bytes(sent: int, total: int) -> None:
        pulse.beat(Progress(f"upload {media.component_name}", source, sent, total, "bytes"))

    size = upload(
        SESSION.get(instance.context),
        media.path,
        component_id=component_id,
        name=media.component_name,
        file_type=media.path.suffix,
        on_bytes=on_bytes,
    )
    return Component(component_id, media.component_name, size)


class RegisterVersion(InstancePlugin):
    """The version exists, complete and in its review session."""

    order = INTEGRATOR
    label = "Register"

    def process(self, instance: Instance) -> None:
        """REGISTERED holds the version; raises ServerError, ServerUnreachable or ReviewSessionClosed.

        An answer can be lost after the server has done the work, and somebody else can make the same asset or
        review session at the same moment: so it looks before it asks, and looks and asks once more after an error.
        """
        session, version_id = SESSION.get(instance.context), VERSION_ID.get(instance)
        version = _version_number(session, version_id)
        if version is None:
            try:
                session.call(_batch(instance))
            except (ServerError, ServerUnreachable):
                if _version_number(session, version_id) is None:
                    session.call(_batch(instance))
            version = _version_number(session, version_id)
        if version is None:
            raise ServerError(f"{session.server_url} took the version {version_id} and does not have it.")
        found = REVIEW.find(instance.context)
        REGISTERED.set(
            instance,
            Registered(
                version_id,
                version,
                ASSET.get(instance).id,
                found.id if found is not None else None,
                derived_id(version_id, "review_session_object") if found is not None else None,
            ),
        )


def _version_number(session: Session, version_id: str) -> int | None:
    found = session.query(f"select version from AssetVersion where id is {quoted(version_id)}").first()
    return None if found is None else int(found["version"])


def _batch(instance: Instance) -> list[dict[str, Any]]:
    """Everything that makes the version, for one transaction."""
    version_id = VERSION_ID.get(instance)
    components = COMPONENTS.get(instance)
    thumbnail_id = next(part.id for part in components if part.name == THUMBNAIL.get(instance).component_name)
    film_id = next(part.id for part in components if part.name == FILM.get(instance).component_name)
    version = {
        "id": version_id,
        "asset_id": ASSET.get(instance).id,
        "task_id": TASK.get(instance.context).id,
        "comment": REQUEST.get(instance.context).comment,
        "thumbnail_id": thumbnail_id,
    }
    return [
        *_opening_review(instance.context),
        *_making_asset(instance),
        operations.create("AssetVersion", version),
        *(operation for component in components for operation in _placing(component, version_id)),
        *_describing(film_id, CLIP.get(instance), FILM.get(instance)),
        *_adding_to_review(instance),
    ]


def _opening_review(context: Context) -> list[dict[str, Any]]:
    wanted, session = REVIEW.find(context), SESSION.get(context)
    project_id = TASK.get(context).project_id
    if wanted is None or review.find(session, project_id, wanted.id) is not None:
        return []
    return [review.opening(wanted.id, project_id, wanted.name)]


def _making_asset(instance: Instance) -> list[dict[str, Any]]:
    session, asset = SESSION.get(instance.context), ASSET.get(instance)
    if session.query(f"select id from Asset where id is {quoted(asset.id)}").first() is not None:
        return []
    data = {
        "id": asset.id,
        "name": asset.name,
        "context_id": TASK.get(instance.context).parent_id,
        "type_id": _asset_type_id(session, SOURCE.get(instance).kind),
    }
    return [operations.create("Asset", data)]


def _asset_type_id(session: Session, kind: str) -> str:
    ids = {
        str(found["short"]): str(found["id"])
        for found in session.query("select id, short from AssetType order by name")
    }
    return next((ids[short] for short in _ASSET_TYPES[kind] if short in ids), next(iter(ids.values())))


def _placing(component: Component, version_id: str) -> list[dict[str, Any]]:
    location = {
        "id": derived_id(version_id, f"{component.name} in the server location"),
        "component_id": component.id,
        "location_id": SERVER_LOCATION_ID,
        "resource_identifier": component.id,
    }
    return [
        operations.update("FileComponent", component.id, {"version_id": version_id}),
        operations.create("ComponentLocation", location),
    ]


def _describing(film_id: str, clip: Clip, film: Media) -> list[dict[str, Any]]:
    whole = clip.frame_range.with_handles
    # ftrack's own player reads ftr_meta; its rate is a float, so ours goes beside it.
    ftr_meta = {
        "frameIn": whole.start,
        "frameOut": whole.end,
        "frameRate": float(clip.fps),
        "width": film.resolution.width,
        "height": film.resolution.height,
    }
    exact = {"fps": _exact(clip.fps), "first_frame": whole.start, "frame_count": len(whole)}
    return [
        operations.create(
            "Metadata",
            {"parent_id": film_id, "parent_type": "FileComponent", "key": key, "value": json.dumps(value)},
        )
        for key, value in (("ftr_meta", ftr_meta), ("ft_dcc", exact))
    ]


def _exact(rate: Fraction) -> str:
    return f"{rate.numerator}/{rate.denominator}"


def _adding_to_review(instance: Instance) -> list[dict[str, Any]]:
    wanted = REVIEW.find(instance.context)
    if wanted is None:
        return []
    version_id, request = VERSION_ID.get(instance), REQUEST.get(instance.context)
    name = f"{TASK.get(instance.context).shot_name} {ASSET.get(instance).name}"
    object_id = derived_id(version_id, "review_session_object")
    return [review.adding(object_id, wanted.id, version_id, name=name, description=request.comment)]


class NumberReview(InstancePlugin):
    """Reviewers read the version's number, which only the server knew."""

    order = INTEGRATOR
    label = "Review entry"

    def process(self, instance: Instance) -> None:
        """The review session object says "Version 3", as ftrack writes it; raises ServerUnreachable."""
        made, session = REGISTERED.get(instance), SESSION.get(instance.context)
        object_id = made.review_session_object_id
        if object_id is not None:
            session.call([review.numbering(object_id, made.version)])


class FindLink(InstancePlugin):
    """It is known where the version can be seen."""

    order = INTEGRATOR
    label = "Link"

    def process(self, instance: Instance) -> None:
        """LINK holds the address, when there is a review session."""
        made = REGISTERED.get(instance)
        if made.review_session_id is not None and made.review_session_object_id is not None:
            session = SESSION.get(instance.context)
            LINK.set(
                instance, review.link(session, made.review_session_id, made.review_session_object_id, made.version_id)
            )


def withdraw(context: Context) -> None:
    """What was uploaded for versions that do not exist is gone from the server; raises ServerUnreachable."""
    session = SESSION.get(context)
    for instance in context:
        version_id = VERSION_ID.find(instance)
        if version_id is None or FILM.find(instance) is None or _version_number(session, version_id) is not None:
            continue
        ids = ", ".join(quoted(derived_id(version_id, name)) for name in _COMPONENT_NAMES)
        found = session.query(f"select id from FileComponent where id in ({ids})").all()
        session.call([operations.delete("FileComponent", component["id"]) for component in found])
