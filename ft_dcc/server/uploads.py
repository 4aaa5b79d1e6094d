"""Actions about the bytes of components: where to send them, and that all parts have been sent."""

from __future__ import annotations

from typing import Any

from ft_dcc.errors import ValidationError
from ft_dcc.server.entities.batch import Answer, Batch, Operation, Row
from ft_dcc.server.entities.guard import check_rows, check_type
from ft_dcc.server.files import SERVER_LOCATION_ID
from ft_dcc.server.schema.model import EntityType
from ft_dcc.server.schema.tables import TYPE_COLUMN
from ft_dcc.server.studio import Studio


def get_upload_metadata(batch: Batch, operation: Operation) -> dict[str, Any]:
    """Return the address, or one for each part, that takes a component's bytes.

    The official client sends the bytes first and creates the component afterwards, so it need not exist yet.
    """
    component_id, size = _text(operation, "component_id"), operation.get("file_size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValidationError("An upload needs its file_size in bytes. Send a whole number.")
    check_type(batch, batch.studio.schema["FileComponent"], {})
    check_rows(batch, batch.studio.schema["Component"], [[component_id]])
    parts, account = operation.get("parts"), batch.caller.id
    if isinstance(parts, int) and not isinstance(parts, bool):
        upload_id, urls = batch.studio.files.part_urls(batch.base_url, component_id, size, parts, account)
        # Ours: what the tags of the parts are, so that a client can compare them.
        return {"component_id": component_id, "upload_id": upload_id, "urls": urls, "part_checksum": "crc32"}
    checksum = operation.get("checksum")
    given = checksum if isinstance(checksum, str) else None
    url, headers = batch.studio.files.upload_url(batch.base_url, component_id, size, given, account)
    return {"component_id": component_id, "url": url, "headers": headers}


def join_parts(studio: Studio, operation: Operation) -> None:
    """The parts of an upload are the component's bytes."""
    parts = operation.get("parts")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise ValidationError("Completing an upload needs its parts. Send them as a list.")
    studio.files.complete(_text(operation, "component_id"), _text(operation, "upload_id"), parts)


def complete_upload(batch: Batch, operation: Operation) -> Answer:
    """Tell where the component's bytes can be had; they were joined before the transaction."""
    component_id = _text(operation, "component_id")
    url = batch.studio.files.download_url(batch.base_url, component_id)
    return {"action": "complete_multipart_upload", "component_id": component_id, "url": url}


def check_arrived(batch: Batch, entity_type: EntityType, row: Row) -> None:
    """A component is in the server's location only with its bytes, whole; raises ValidationError."""
    if entity_type.name != "ComponentLocation" or row["location_id"] != SERVER_LOCATION_ID:
        return
    component, files = batch.row("Component", row["component_id"]), batch.studio.files
    # What holds other components has no bytes of its own.
    if component is None or component[TYPE_COLUMN] != "FileComponent":
        return
    name = str(component["name"])[:80]
    if not files.exists(component["id"]):
        raise ValidationError(f"The bytes of the component {name!r} are not on the server. Upload them first.")
    size = files.size(component["id"])
    if component["size"] and component["size"] != size:
        raise ValidationError(
            f"The component {name!r} has {component['size']:.0f} bytes, and {size} were uploaded. Upload it again."
        )


def _text(operation: Operation, name: str) -> str:
    value = operation.get(name)
    if not isinstance(value, str):
        raise ValidationError(f"The operation needs '{name}'. Send it as text.")
    return value
