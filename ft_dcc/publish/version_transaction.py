"""The single transaction of a version: asset, version, components, review entries, links and note; and its number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ft_dcc.media import EncodedFile
from ft_dcc.production import review_sessions, version_lists, versions
from ft_dcc.publish import custom_values, models, slots
from ft_dcc.publish.pipeline.pyblish_adapter import Instance
from ft_dcc.review.notes import ORIGIN_KEY, publish_note_id
from ft_dcc.session import SERVER_LOCATION_ID, Session, operations
from ft_dcc.session.query.expression import quoted

# The short names of a new asset's type by the kind of source; the first that the site has is used.
_ASSET_TYPES = {"camera": ("playblast", "upload"), "frames": ("upload",), "film": ("upload",), "image": ("upload",)}


def make_version_ops(instance: Instance) -> list[dict[str, Any]]:
    """Return the operations that create the version and all of its parts in one transaction."""
    version_id, components = slots.VERSION_ID.get(instance), slots.COMPONENTS.get(instance)
    session, task = slots.SESSION.get(instance.context), slots.TASK.get(instance.context)
    ids = {component.name: component.id for component in components}
    version: dict[str, Any] = {
        "id": version_id,
        "asset_id": slots.ASSET.get(instance).id,
        "comment": slots.REQUEST.get(instance.context).comment,
        "thumbnail_id": ids[slots.THUMBNAIL.get(instance).component_name],
    }
    if task.is_task:
        version["task_id"] = task.id
    number = slots.VERSION.find(instance)
    if number is not None:
        # The number is burnt in: the server rejects it if another version has it by now.
        version["version"] = number
    options = slots.OPTIONS.get(instance.context)
    if options.status_id is not None:
        version["status_id"] = options.status_id
    # Images have no rate, and players do not read them.
    played = [slots.MOVIE.get(instance), *(output for output in slots.OUTPUTS.find(instance) or [] if output.fps)]
    return [
        *(
            review_sessions.create_session_op(review.id, task.project_id, review.name)
            for review in slots.REVIEWS.get(instance.context)
            if review_sessions.find_open(session, task.project_id, review.id) is None
        ),
        *_asset_ops(instance),
        operations.create("AssetVersion", version),
        *_metadata_ops("AssetVersion", version_id, {ORIGIN_KEY: slots.ORIGIN.find(instance)}),
        *(
            operations.create("Metadata", {"parent_id": version_id, "parent_type": "AssetVersion", **pair})
            for pair in ({"key": key, "value": value} for key, value in options.metadata)
        ),
        *(
            operations.update(custom_values.ENTITY_TYPE, [configuration_id, version_id], {"value": value})
            for configuration_id, value in options.custom_values
        ),
        *(operation for component in components for operation in _component_ops(component, version_id)),
        *(
            operation
            for file in played
            for operation in _metadata_ops(
                "FileComponent",
                ids[file.component_name],
                _media_metadata(slots.CLIP.get(instance), file, slots.REQUEST.get(instance.context).review_metadata),
            )
        ),
        *(
            operations.create(
                "AssetVersionLink",
                {"id": models.derived_id(version_id, f"made from {used}"), "from_id": used, "to_id": version_id},
            )
            for used in options.uses
        ),
        *(
            operation
            for stored in slots.STORED.find(instance) or []
            for operation in _stored_ops(stored, version_id, ids)
        ),
        *_status_and_entry_ops(instance),
        *_list_ops(instance),
        *_note_ops(instance),
    ]


def version_number(session: Session, version_id: str) -> int | None:
    """Return the number of the version with this id, or None if it does not exist."""
    found = session.query(f"select version from AssetVersion where id is {quoted(version_id)}").first()
    return None if found is None else int(found["version"])


def review_entries(instance: Instance) -> tuple[models.ReviewEntry, ...]:
    """Return the version's entries in its review sessions, the same at each call."""
    version_id = slots.VERSION_ID.get(instance)
    return tuple(
        models.ReviewEntry(review.id, models.derived_id(version_id, f"entry of {review.id}"))
        for review in slots.REVIEWS.get(instance.context)
    )


def _asset_ops(instance: Instance) -> list[dict[str, Any]]:
    session, asset = slots.SESSION.get(instance.context), slots.ASSET.get(instance)
    if session.query(f"select id from Asset where id is {quoted(asset.id)}").first() is not None:
        return []
    type_id = slots.OPTIONS.get(instance.context).asset_type_id
    if not type_id:
        found = session.query("select id, short from AssetType order by name")
        ids = {str(each["short"]): str(each["id"]) for each in found}
        preferred = _ASSET_TYPES[slots.SOURCE.get(instance).kind]
        type_id = next((ids[short] for short in preferred if short in ids), next(iter(ids.values())))
    context_id = slots.TASK.get(instance.context).parent_id
    data = {"id": asset.id, "name": asset.name, "context_id": context_id, "type_id": type_id}
    return [operations.create("Asset", data)]


def _component_ops(component: models.Component, version_id: str) -> list[dict[str, Any]]:
    return [
        operations.update("FileComponent", component.id, {"version_id": version_id}),
        operations.create("ComponentLocation", _location(component, version_id)),
        *([_checksum_op(component.id, component.sha256)] if component.sha256 else []),
    ]


def _stored_ops(stored: models.StoredFiles, version_id: str, uploaded: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the operations of a component on disk: the component, the frames of a sequence, and where they are."""
    target, component_id = stored.target, models.derived_id(version_id, stored.target.name)
    if target.name in uploaded:
        # The scene file is on the server, too.
        return [_in_location(component_id, target, target.identifier)]
    component: dict[str, Any] = {"id": component_id, "name": target.name, "file_type": stored.file_type}
    component["version_id"] = version_id
    component["size"] = sum(file.size for file in stored.files)
    members = [(models.derived_id(version_id, f"{target.name} {file.member}"), file) for file in stored.files]
    if stored.padding is None:
        members = [(component_id, stored.files[0])]
        created = [operations.create("FileComponent", component)]
    else:
        created = [operations.create("SequenceComponent", {**component, "padding": stored.padding})]
        created.append(_in_location(component_id, target, target.identifier))
        shared = {"container_id": component_id, "file_type": stored.file_type}
        for member_id, file in members:
            values = {"id": member_id, "name": file.member, "size": file.size, **shared}
            created.append(operations.create("FileComponent", values))
    return [
        *created,
        *(_in_location(member_id, target, file.identifier) for member_id, file in members),
        *(_checksum_op(member_id, file.sha256) for member_id, file in members),
    ]


def _in_location(component_id: str, target: models.Target, identifier: str) -> dict[str, Any]:
    values = {"component_id": component_id, "location_id": target.location_id, "resource_identifier": identifier}
    entity_id = models.derived_id(component_id, f"in {target.location_id}")
    return operations.create("ComponentLocation", {"id": entity_id, **values})


def _checksum_op(component_id: str, checksum: str) -> dict[str, Any]:
    parent = {"parent_id": component_id, "parent_type": "FileComponent"}
    return operations.create("Metadata", {**parent, "key": versions.CHECKSUM_KEY, "value": checksum})


def _location(component: models.Component, version_id: str) -> dict[str, Any]:
    return {
        "id": models.derived_id(version_id, f"{component.name} in the server location"),
        "component_id": component.id,
        "location_id": SERVER_LOCATION_ID,
        "resource_identifier": component.id,
    }


def conflict_guard_ops(component: models.Component, version_id: str) -> list[dict[str, Any]]:
    """Return operations that change nothing, and fail if the version's transaction with this component has arrived."""
    # In one transaction with the deletion of the component, exactly one of the two transactions succeeds, in whichever
    # order they arrive: that of the version fails if one of its components is gone.
    # A different value, since the studio server would accept the same one as a repetition.
    location = {**_location(component, version_id), "resource_identifier": "withdrawn"}
    return [operations.create("ComponentLocation", location), operations.delete("ComponentLocation", location["id"])]


def _metadata_ops(parent_type: str, parent_id: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the operations that write these values as JSON; a value that is None or empty is left out."""
    parent = {"parent_id": parent_id, "parent_type": parent_type}
    return [
        operations.create("Metadata", {**parent, "key": key, "value": json.dumps(value)})
        for key, value in values.items()
        if value
    ]


def _media_metadata(clip: models.Clip, file: EncodedFile, variant: str | None) -> dict[str, Any]:
    """Return what players read (docs/decisions/0004); ``variant`` is a value of the setting ``review_metadata``."""
    size = {"width": file.resolution.width, "height": file.resolution.height}
    if file.fps is None:
        return {"ftr_meta": {"format": "image", **size}}
    first, is_from_zero = clip.frame_range.with_handles.start - file.lead, variant in ("zero", "zero-and-size")
    shown = 0 if is_from_zero else first
    # ftrack's own player reads ftr_meta, whose rate is a float; the exact rate is in our own key.
    player = {"frameIn": shown, "frameOut": shown + file.frame_count - 1, "frameRate": float(clip.fps)}
    exact = {"first_frame": first, "frame_count": file.frame_count}
    (exact if variant in ("frame", "zero") else player).update(size)
    return {"ftr_meta": player, "ft_dcc": {"fps": f"{clip.fps.numerator}/{clip.fps.denominator}", **exact}}


def _status_and_entry_ops(instance: Instance) -> list[dict[str, Any]]:
    """Return the operations of the task's new status, if one is requested, and of the review entries."""
    task, status_id = slots.TASK.get(instance.context), slots.OPTIONS.get(instance.context).task_status_id
    name = slots.ASSET.get(instance).name if task.is_project else f"{task.shot_name} {slots.ASSET.get(instance).name}"
    entries = [
        review_sessions.add_version_op(
            entry.review_session_object_id,
            entry.review_session_id,
            slots.VERSION_ID.get(instance),
            name=name,
            description=slots.REQUEST.get(instance.context).comment,
        )
        for entry in review_entries(instance)
    ]
    if status_id is None or not task.is_task:
        return entries
    return [operations.update("Task", task.id, {"status_id": status_id}), *entries]


def _list_ops(instance: Instance) -> list[dict[str, Any]]:
    """Return the operations that create missing lists and add the version to all of them."""
    session, task = slots.SESSION.get(instance.context), slots.TASK.get(instance.context)
    version_id, made = slots.VERSION_ID.get(instance), []
    for each in slots.LISTS.find(instance.context) or []:
        if each.category_id is not None and version_lists.find_open(session, task.project_id, each.id) is None:
            data = {"id": each.id, "name": each.name, "project_id": task.project_id, "category_id": each.category_id}
            made.append(operations.create("AssetVersionList", data))
        object_id = models.derived_id(version_id, f"in {each.id}")
        made.append(operations.create("ListObject", {"id": object_id, "list_id": each.id, "entity_id": version_id}))
    return made


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
        data = {"id": note_id, "content": note, "parent_id": parent_id, "parent_type": parent_type}
        created.append(operations.create("Note", {**data, "user_id": options.user_id}))
        if options.label_id is not None:
            created.append(operations.create("NoteLabelLink", {"note_id": note_id, "label_id": options.label_id}))
    return created
