"""What ``ft-dcc studio copy`` does: a project goes from the site in the settings into a studio on this machine."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ft_dcc.cli.output import Output
from ft_dcc.config import read_settings
from ft_dcc.errors import NotFoundError, SettingInvalid
from ft_dcc.local_studio import local_account, need_server, studio_folder
from ft_dcc.project_copy import Row, fetch_project, find_project
from ft_dcc.project_lines import Fitted, Known, fit
from ft_dcc.session import SERVER_LOCATION_ID, Session, operations
from ft_dcc.session.transfer import download, upload

_TOLD_EVERY = 1000


def copy_project(output: Output, name: str, data: Path | None, *, with_media: bool, with_schema: bool) -> None:
    """The studio in the folder, or the user's own, has the project as the site in the settings has it now.

    With the schema, the studio has the entity types of the site as well.
    """
    need_server("The studio server")
    settings, folder = read_settings(), data or studio_folder()
    server, user, key = (settings.need(word) for word in ("server", "user", "key"))
    _refuse_itself(server, folder)
    with Session(server, key, user) as site:
        project_id = find_project(site, name)
        with _schema_file(site if with_schema else None) as schema:
            rows, fitted = _copy(output, site, project_id, folder, schema)
        media = _copy_media(output, site, rows, folder) if with_media else None
    report: dict[str, Any] = {"project_id": project_id, "entities": fitted.counts, "left_out": dict(fitted.left_out)}
    lines = [f"{count:>7} {type_name}" for type_name, count in fitted.counts.items()]
    lines += [f"{count:>7} {type_name} left out: of other projects" for type_name, count in fitted.left_out.items()]
    if media is not None:
        report["media"] = media
        lines.append(f"{media['files']:>7} media files, {media['bytes']} bytes")
    output.result("\n".join([f"{name} is in the studio in {folder}:", *lines]), report)


@contextmanager
def _schema_file(site: Session | None) -> Iterator[Path | None]:
    """What the site says of its entity types is in the file."""
    if site is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "schema.json"
        path.write_text(json.dumps(site.schemas), "utf-8")
        yield path


def _copy(
    output: Output, site: Session, project_id: str, folder: Path, schema: Path | None
) -> tuple[list[Row], Fitted]:
    from ft_dcc.server.owner import dumped, owner_of

    with owner_of(folder, schema=schema) as owner:
        schemas = {schema["id"]: schema for schema in owner.schemas()}
        attributes = {type_name: frozenset(schema["properties"]) for type_name, schema in schemas.items()}
        fetched: dict[str, int] = {}

        def tell(type_name: str, count: int) -> None:
            before = fetched.get(type_name, 0)
            fetched[type_name] = before + count
            if before // _TOLD_EVERY < fetched[type_name] // _TOLD_EVERY:
                output.say(f"{type_name}: {fetched[type_name]} so far")

        rows = fetch_project(site, project_id, attributes, tell)
        fitted = fit(rows, schemas, Known.read(dumped(folder)))
        with tempfile.TemporaryFile() as file:
            file.writelines(fitted.lines())
            file.seek(0)
            owner.load(file)
    return rows, fitted


def _copy_media(output: Output, site: Session, rows: Iterable[Row], folder: Path) -> dict[str, Any]:
    """Send the bytes that the site's server has of the copied components, unless they are in the studio already."""
    locations = [row for row in rows if row.get("location_id") == SERVER_LOCATION_ID and "component_id" in row]
    components = {row["id"]: row for row in rows if "file_type" in row}
    account, report = local_account(folder), {"files": 0, "bytes": 0, "missing": 0}
    with Session(account.server, account.key, account.user) as studio, tempfile.TemporaryDirectory() as place:
        there = {
            found["component_id"]
            for found in studio.query(
                f'select component_id from ComponentLocation where location_id is "{SERVER_LOCATION_ID}"'
            )
        }
        for location in (row for row in locations if row["component_id"] not in there):
            component = components[location["component_id"]]
            name, file_type = component["name"] or "main", component["file_type"] or ""
            path = Path(place) / "bytes"
            try:
                download(site, component["id"], path)
            except NotFoundError as error:
                report["missing"] += 1
                output.say(f"{name}{file_type} stays without its bytes: {error}")
                continue
            report["bytes"] += upload(studio, path, component_id=component["id"], name=name, file_type=file_type)
            report["files"] += 1
            given = {key: value for key, value in location.items() if key != "__entity_type__"}
            studio.call([operations.create("ComponentLocation", given)])
            path.unlink()
    return report


def _refuse_itself(server: str, folder: Path) -> None:
    known = folder / "credentials.env"
    if known.exists() and f"FTRACK_SERVER={server.rstrip('/')}\n" in known.read_text("utf-8"):
        raise SettingInvalid(f"FTRACK_SERVER names the studio in {folder} itself. Set it to the site to copy from.")
