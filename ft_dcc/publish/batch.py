"""The one transaction that makes a version: asset, version, components, review entries, links and note."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ft_dcc import review
from ft_dcc.media import Media
from ft_dcc.publish.engine import Context, Instance
from ft_dcc.publish.records import Clip, Component, Details, ReviewEntry, derived_id
from ft_dcc.publish.slots import (
    ASSET,
    CLIP,
    COMPONENTS,
    DETAILS,
    FILM,
    OUTPUTS,
    REQUEST,
    REVIEWS,
    SESSION,
    SOURCE,
    TASK,
    THUMBNAIL,
    VERSION,
    VERSION_ID,
)
from ft_dcc.session import SERVER_LOCATION_ID, operations
from ft_dcc.session.expression import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session

# What the asset is made as, by the kind of source; the first that the site has.
_ASSET_TYPES = {"camera": ("playblast", "upload"), "frames": ("upload",), "film": ("upload",), "image": ("upload",)}


def make_batch(instance: Instance) -> list[dict[str, Any]]:
    """Return the operations that make the version and all that belongs to it, for one transaction."""
    version_id = VERSION_ID.get(instance)
    components = COMPONENTS.get(instance)
    ids = {component.name: component.id for component in components}
    version: dict[str, Any] = {
        "id": version_id,
        "asset_id": ASSET.get(instance).id,
        "task_id": TASK.get(instance.context).id,
        "comment": REQUEST.get(instance.context).comment,
        "thumbnail_id": ids[THUMBNAIL.get(instance).component_name],
    }
    number = VERSION.find(instance)
    if number is not None:
        # It is in the pictures: the server refuses it if it is another one's by now.
        version["version"] = number
    details = DETAILS.get(instance.context)
    if details.status_id is not None:
        version["status_id"] = details.status_id
    return [
        *_opening_reviews(instance.context),
        *_making_asset(instance),
        operations.create("AssetVersion", version),
        *(operation for component in components for operation in _placing(component, version_id)),
        *(
            operation
            # A contact sheet has no rate, and is not for players.
            for film in (FILM.get(instance), *(output for output in OUTPUTS.find(instance) or [] if output.fps))
            for operation in _describing(ids[film.component_name], CLIP.get(instance), film)
        ),
        *_linking(details, version_id),
        *_adding_to_reviews(instance),
        *_noting(instance),
    ]


def review_entries(instance: Instance) -> tuple[ReviewEntry, ...]:
    """Return what the version is in each review session: the same whenever it is asked for."""
    version_id = VERSION_ID.get(instance)
    return tuple(
        ReviewEntry(wanted.id, derived_id(version_id, f"entry of {wanted.id}"))
        for wanted in REVIEWS.get(instance.context)
    )


def _opening_reviews(context: Context) -> list[dict[str, Any]]:
    session, project_id = SESSION.get(context), TASK.get(context).project_id
    return [
        review.opening(wanted.id, project_id, wanted.name)
        for wanted in REVIEWS.get(context)
        if review.find(session, project_id, wanted.id) is None
    ]


def _making_asset(instance: Instance) -> list[dict[str, Any]]:
    session, asset = SESSION.get(instance.context), ASSET.get(instance)
    if session.query(f"select id from Asset where id is {quoted(asset.id)}").first() is not None:
        return []
    data = {
        "id": asset.id,
        "name": asset.name,
        "context_id": TASK.get(instance.context).parent_id,
        "type_id": DETAILS.get(instance.context).asset_type_id or _asset_type_id(session, SOURCE.get(instance).kind),
    }
    return [operations.create("Asset", data)]


def _asset_type_id(session: Session, kind: str) -> str:
    ids = {
        str(found["short"]): str(found["id"])
        for found in session.query("select id, short from AssetType order by name")
    }
    return next((ids[short] for short in _ASSET_TYPES[kind] if short in ids), next(iter(ids.values())))


def _placing(component: Component, version_id: str) -> list[dict[str, Any]]:
    return [
        operations.update("FileComponent", component.id, {"version_id": version_id}),
        operations.create("ComponentLocation", _location(component, version_id)),
    ]


def _location(component: Component, version_id: str) -> dict[str, Any]:
    return {
        "id": derived_id(version_id, f"{component.name} in the server location"),
        "component_id": component.id,
        "location_id": SERVER_LOCATION_ID,
        "resource_identifier": component.id,
    }


def make_forestalling(component: Component, version_id: str) -> list[dict[str, Any]]:
    """Return operations that change nothing, and fail where the batch that has this component has arrived.

    In one transaction with what deletes the component, either that or the batch takes place, in whichever order they
    arrive: the batch is refused when a component of it is gone.
    """
    # Not the batch's own value, which a studio server would take for its repetition.
    location = {**_location(component, version_id), "resource_identifier": "withdrawn"}
    return [operations.create("ComponentLocation", location), operations.delete("ComponentLocation", location["id"])]


def _describing(film_id: str, clip: Clip, film: Media) -> list[dict[str, Any]]:
    size = {"width": film.resolution.width, "height": film.resolution.height}
    whole, first = clip.frame_range.with_handles, clip.frame_range.with_handles.start - film.lead
    # ftrack's own player reads ftr_meta; its rate is a float, so ours goes beside it.
    ftr_meta: dict[str, Any] = {"frameIn": first, "frameOut": whole.end, "frameRate": float(clip.fps), **size}
    exact = {"fps": _exact(clip.fps), "first_frame": first, "frame_count": film.frame_count}
    if film.fps is None:
        ftr_meta, exact = {"format": "image", **size}, {}
    return [
        operations.create(
            "Metadata",
            {"parent_id": film_id, "parent_type": "FileComponent", "key": key, "value": json.dumps(value)},
        )
        for key, value in (("ftr_meta", ftr_meta), ("ft_dcc", exact))
        if value
    ]


def _exact(rate: Fraction) -> str:
    return f"{rate.numerator}/{rate.denominator}"


def _linking(details: Details, version_id: str) -> list[dict[str, Any]]:
    return [
        operations.create(
            "AssetVersionLink",
            {"id": derived_id(version_id, f"made from {used}"), "from_id": used, "to_id": version_id},
        )
        for used in details.uses
    ]


def _adding_to_reviews(instance: Instance) -> list[dict[str, Any]]:
    version_id, comment = VERSION_ID.get(instance), REQUEST.get(instance.context).comment
    name = f"{TASK.get(instance.context).shot_name} {ASSET.get(instance).name}"
    return [
        review.adding(
            entry.review_session_object_id, entry.review_session_id, version_id, name=name, description=comment
        )
        for entry in review_entries(instance)
    ]


def _noting(instance: Instance) -> list[dict[str, Any]]:
    """The note for the reviewers, in each review session, or at the version where there is none."""
    note, details, version_id = (
        REQUEST.get(instance.context).note,
        DETAILS.get(instance.context),
        VERSION_ID.get(instance),
    )
    if not note and details.label_id is None:
        return []
    placed = [("ReviewSessionObject", entry.review_session_object_id) for entry in review_entries(instance)]
    made = []
    for parent_type, parent_id in placed or [("AssetVersion", version_id)]:
        note_id = derived_id(version_id, f"note of {parent_id}")
        data = {
            "id": note_id,
            "content": note,
            "parent_id": parent_id,
            "parent_type": parent_type,
            "user_id": details.user_id,
        }
        made.append(operations.create("Note", data))
        if details.label_id is not None:
            made.append(operations.create("NoteLabelLink", {"note_id": note_id, "label_id": details.label_id}))
    return made
