"""Actions about the bytes of components: where to send them, and how to complete an upload in parts."""

from __future__ import annotations

from functools import partial
from typing import Any

from ft_dcc.server.database.store import Store
from ft_dcc.server.entities import authorization
from ft_dcc.server.entities.batch import Answer, Batch, Operation
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.storage import media_store, published_media


def get_upload_metadata(batch: Batch, operation: Operation) -> dict[str, Any]:
    """Return the URL, or one for each part, that accepts the bytes of a component, which need not exist yet."""
    component_id, size = _text_parameter(operation, "component_id"), operation.get("file_size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValidationError("An upload needs its file_size in bytes. Send a whole number.")
    own = {"created_by_id": batch.caller.id}
    authorization.check_access(batch, authorization.CREATE, batch.schema["FileComponent"], own)
    authorization.check_key_access(batch, authorization.UPDATE, batch.schema["Component"], component_id)
    parts, account, files = operation.get("parts"), batch.caller.id, batch.services.media
    published_media.check_replaceable(batch.connection, batch.table("ComponentLocation"), files, component_id)
    if isinstance(parts, int) and not isinstance(parts, bool):
        upload_id, urls = files.part_urls(batch.base_url, component_id, size, parts, account)
        # An extension: the kind of checksum that the ETags of the parts are, so that a client can verify them.
        return {"component_id": component_id, "upload_id": upload_id, "urls": urls, "part_checksum": "crc32"}
    checksum = operation.get("checksum")
    declared = checksum if isinstance(checksum, str) else None
    source = operation.get("equal_to")
    if isinstance(source, str) and declared and batch.row("FileComponent", source) is not None:
        authorization.check_reference(batch, "FileComponent", "equal_to", source)
        source = source if files.has(source, size, declared) else ""
    else:
        source = ""
    # An extension: of a component with the bytes of another one, nothing has to be sent.
    # A CRC-32 is compared with other components only.
    expected = declared if source or not declared or len(declared) != 8 else None
    url, headers = files.upload_url(batch.base_url, component_id, size, expected, account, source)
    return {"component_id": component_id, "url": url, "headers": headers, **({"is_equal": True} if source else {})}


def join_parts(store: Store, files: media_store.MediaStore, operation: Operation) -> None:
    """Join the uploaded parts of a component; raises ValidationError, NotFound, Forbidden or Conflict."""
    parts = operation.get("parts")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise ValidationError("Completing an upload needs its parts. Send them as a list.")
    component_id, upload_id = _text_parameter(operation, "component_id"), _text_parameter(operation, "upload_id")
    place = partial(published_media.place_upload, store, files, *files.parse_upload_id(upload_id))
    files.complete(component_id, upload_id, parts, place)


def complete_upload(batch: Batch, operation: Operation) -> Answer:
    """Return the URL of the component's bytes, which :func:`join_parts` joined before the transaction."""
    component_id = _text_parameter(operation, "component_id")
    url = batch.services.media.download_url(batch.base_url, component_id, batch.account)
    return {"action": "complete_multipart_upload", "component_id": component_id, "url": url}


def _text_parameter(operation: Operation, name: str) -> str:
    value = operation.get(name)
    if not isinstance(value, str):
        raise ValidationError(f"The operation needs '{name}'. Send it as text.")
    return value
