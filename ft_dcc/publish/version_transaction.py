"""The single transaction of a version: asset, version, components, review entries, links and note."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ft_dcc.media import EncodedFile
from ft_dcc.production import review_sessions
from ft_dcc.production.versions import CHECKSUM_KEY
from ft_dcc.publish import models, slots
from ft_dcc.publish.pipeline.pyblish_adapter import Context, Instance
from ft_dcc.review.notes import ORIGIN_KEY, publish_note_id
from ft_dcc.session import SERVER_LOCATION_ID, operations
from ft_dcc.session.query.expression import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session

# The short names of a new asset's type by the kind of source; the first that the site has is used.
_ASSET_TYPES = {"camera": ("playblast", "upload"), "frames": ("upload",), "film": ("upload",), "image": ("upload",)}


def make_version_ops(instance: Instance) -> list[dict[str, Any]]:
    """Return the operations that create the version and all of its parts in one transaction."""
    version_id = slots.VERSION_ID.get(instance)
    components = slots.COMPONENTS.get(instance)
    ids = {component.name: component.id for component in components}
    version: dict[str, Any] = {
        "id": version_id,
        "asset_id": slots.ASSET.get(instance).id,
        "task_id": slots.TASK.get(instance.context).id,
        "comment": slots.REQUEST.get(instance.context).comment,
        "thumbnail_id": ids[slots.THUMBNAIL.get(instance).component_name],
    }
    number = slots.VERSION.find(instance)
    if number is not None:
        # The number is burnt in: the server rejects it if another version has it by now.
        version["version"] = number
    options = slots.OPTIONS.get(instance.context)
    if options.status_id is not None:
        version["status_id"] = options.status_id
    return [
        *_review_session_ops(instance.context),
        *_asset_ops(instance),
        operations.create("AssetVersion", version),
        *_origin_ops(instance),
        *(operation for component in components for operation in _component_ops(component, version_id)),
        *(
            operation
            # A contact sheet has no rate, and players do not read it.
            for file in (
                slots.MOVIE.get(instance),
                *(output for output in slots.OUTPUTS.find(instance) or [] if output.fps),
            )
            for operation in _metadata_ops(ids[file.component_name], slots.CLIP.get(instance), file)
        ),
        *_link_ops(options, version_id),
        *_task_status_ops(instance.context),
        *_review_entry_ops(instance),
        *_note_ops(instance),
    ]


def review_entries(instance: Instance) -> tuple[models.ReviewEntry, ...]:
    """Return the version's entries in its review sessions, the same at each call."""
    version_id = slots.VERSION_ID.get(instance)
    return tuple(
        models.ReviewEntry(review.id, models.derived_id(version_id, f"entry of {review.id}"))
        for review in slots.REVIEWS.get(instance.context)
    )


def _review_session_ops(context: Context) -> list[dict[str, Any]]:
    session, project_id = slots.SESSION.get(context), slots.TASK.get(context).project_id
    return [
        review_sessions.create_session_op(review.id, project_id, review.name)
        for review in slots.REVIEWS.get(context)
        if review_sessions.find_open(session, project_id, review.id) is None
    ]


def _asset_ops(instance: Instance) -> list[dict[str, Any]]:
    session, asset = slots.SESSION.get(instance.context), slots.ASSET.get(instance)
    if session.query(f"select id from Asset where id is {quoted(asset.id)}").first() is not None:
        return []
    data = {
        "id": asset.id,
        "name": asset.name,
        "context_id": slots.TASK.get(instance.context).parent_id,
        "type_id": slots.OPTIONS.get(instance.context).asset_type_id
        or _asset_type_id(session, slots.SOURCE.get(instance).kind),
    }
    return [operations.create("Asset", data)]


def _asset_type_id(session: Session, kind: str) -> str:
    ids = {
        str(found["short"]): str(found["id"])
        for found in session.query("select id, short from AssetType order by name")
    }
    return next((ids[short] for short in _ASSET_TYPES[kind] if short in ids), next(iter(ids.values())))


def _component_ops(component: models.Component, version_id: str) -> list[dict[str, Any]]:
    checksum = {"parent_id": component.id, "parent_type": "FileComponent", "key": CHECKSUM_KEY}
    return [
        operations.update("FileComponent", component.id, {"version_id": version_id}),
        operations.create("ComponentLocation", _location(component, version_id)),
        *([operations.create("Metadata", {**checksum, "value": component.sha256})] if component.sha256 else []),
    ]


def _location(component: models.Component, version_id: str) -> dict[str, Any]:
    return {
        "id": models.derived_id(version_id, f"{component.name} in the server location"),
        "component_id": component.id,
        "location_id": SERVER_LOCATION_ID,
        "resource_identifier": component.id,
    }


def conflict_guard_ops(component: models.Component, version_id: str) -> list[dict[str, Any]]:
    """Return operations that change nothing, and fail if the version's transaction with this component has arrived.

    In one transaction with the deletion of the component, exactly one of the two transactions succeeds, in whichever
    order they arrive: that of the version fails if one of its components is gone.
    """
    # A different value, since the studio server would accept the same one as a repetition.
    location = {**_location(component, version_id), "resource_identifier": "withdrawn"}
    return [operations.create("ComponentLocation", location), operations.delete("ComponentLocation", location["id"])]


def _metadata_ops(component_id: str, clip: models.Clip, file: EncodedFile) -> list[dict[str, Any]]:
    size = {"width": file.resolution.width, "height": file.resolution.height}
    whole, first = clip.frame_range.with_handles, clip.frame_range.with_handles.start - file.lead
    # ftrack's own player reads ftr_meta, whose rate is a float; the exact rate is in our own key.
    ftr_meta: dict[str, Any] = {"frameIn": first, "frameOut": whole.end, "frameRate": float(clip.fps), **size}
    exact = {
        "fps": f"{clip.fps.numerator}/{clip.fps.denominator}",
        "first_frame": first,
        "frame_count": file.frame_count,
    }
    if file.fps is None:
        ftr_meta, exact = {"format": "image", **size}, {}
    return [
        operations.create(
            "Metadata",
            {"parent_id": component_id, "parent_type": "FileComponent", "key": key, "value": json.dumps(value)},
        )
        for key, value in (("ftr_meta", ftr_meta), ("ft_dcc", exact))
        if value
    ]


def _origin_ops(instance: Instance) -> list[dict[str, Any]]:
    origin = slots.ORIGIN.find(instance)
    if origin is None:
        return []
    data = {"parent_id": slots.VERSION_ID.get(instance), "parent_type": "AssetVersion", "key": ORIGIN_KEY}
    return [operations.create("Metadata", {**data, "value": json.dumps(origin)})]


def _link_ops(options: models.ResolvedOptions, version_id: str) -> list[dict[str, Any]]:
    return [
        operations.create(
            "AssetVersionLink",
            {"id": models.derived_id(version_id, f"made from {used}"), "from_id": used, "to_id": version_id},
        )
        for used in options.uses
    ]


def _task_status_ops(context: Context) -> list[dict[str, Any]]:
    status_id = slots.OPTIONS.get(context).task_status_id
    if status_id is None:
        return []
    return [operations.update("Task", slots.TASK.get(context).id, {"status_id": status_id})]


def _review_entry_ops(instance: Instance) -> list[dict[str, Any]]:
    version_id, comment = slots.VERSION_ID.get(instance), slots.REQUEST.get(instance.context).comment
    name = f"{slots.TASK.get(instance.context).shot_name} {slots.ASSET.get(instance).name}"
    return [
        review_sessions.add_version_op(
            entry.review_session_object_id, entry.review_session_id, version_id, name=name, description=comment
        )
        for entry in review_entries(instance)
    ]


def _note_ops(instance: Instance) -> list[dict[str, Any]]:
    """Return the operations of the reviewers' note: in each review session, or on the version if there is none."""
    options, version_id = slots.OPTIONS.get(instance.context), slots.VERSION_ID.get(instance)
    note = slots.REQUEST.get(instance.context).note
    if not note and options.label_id is None:
        return []
    parents = [("ReviewSessionObject", entry.review_session_object_id) for entry in review_entries(instance)]
    created = []
    for parent_type, parent_id in parents or [("AssetVersion", version_id)]:
        note_id = publish_note_id(version_id, parent_id)
        data = {
            "id": note_id,
            "content": note,
            "parent_id": parent_id,
            "parent_type": parent_type,
            "user_id": options.user_id,
        }
        created.append(operations.create("Note", data))
        if options.label_id is not None:
            created.append(operations.create("NoteLabelLink", {"note_id": note_id, "label_id": options.label_id}))
    return created
