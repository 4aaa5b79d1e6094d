"""Copy a project from a site into a studio, or from a studio to a site: the work of ``ft-dcc studio copy``."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ft_dcc.accounts.local_server import ensure_local_studio, require_server, studio_folder
from ft_dcc.cli.terminal.inputs import find_account_at
from ft_dcc.cli.terminal.output import Output
from ft_dcc.errors import SettingInvalid
from ft_dcc.project_transfer import export, mapping
from ft_dcc.project_transfer.site_plan import files_of
from ft_dcc.session import Session
from ft_dcc.settings.resolve import read_settings

_PROGRESS_INTERVAL = 1000


def copy_project(output: Output, name: str, data: Path | None, *, with_media: bool, with_schema: bool) -> None:
    """Copy the project from the site of the settings into the studio in the folder, by default the local studio.

    ``with_schema`` copies the entity types of the site, too.
    """
    require_server("The studio server")
    settings, folder = read_settings(), data or studio_folder()
    server, user, key = (settings.require(setting) for setting in ("server", "user", "key"))
    _refuse_same_studio(server, folder)
    with Session(server, key, user) as site:
        project_id = export.find_project(site, name)
        with _schema_file(site if with_schema else None) as schema:
            rows, mapped = _copy(output, site, project_id, folder, schema)
        media = _copy_media(output, site, rows, folder) if with_media else None
    report: dict[str, Any] = {"project_id": project_id, "entities": mapped.counts, "left_out": dict(mapped.left_out)}
    lines = [f"{count:>7} {type_name}" for type_name, count in mapped.counts.items()]
    lines += [
        f"{count:>7} {type_name} left out: they belong to other projects"
        for type_name, count in mapped.left_out.items()
    ]
    if media is not None:
        report["media"] = media
        lines.append(f"{media['files']:>7} media files, {media['bytes']} bytes")
    output.result("\n".join([f"Copied {name} into the studio in {folder}:", *lines]), report)


def copy_to_site(
    output: Output, name: str, data: Path | None, address: str, *, project_schema: str | None, dry_run: bool
) -> int:
    """Copy the project from the studio in the folder to the site at the address; return the exit code."""
    from ft_dcc.project_transfer.site_copy import plan_site_copy, run_site_copy

    require_server("The studio server")
    folder = data or studio_folder()
    account = find_account_at(address)
    _refuse_same_studio(account.server, folder)
    own = ensure_local_studio(folder)
    with Session(own.server, own.key, own.user) as studio, Session(account.server, account.key, account.user) as site:
        project_id = export.find_project(studio, name)
        plan = plan_site_copy(studio, site, project_id, project_schema, output.message)
        lines = [f"{count:>7} {type_name}" for type_name, count in plan.counts.items()]
        lines += [f"{len(plan.files):>7} media files"]
        left_out = [f"{count:>7} without {text}: {account.server} has none" for text, count in plan.left_out.items()]
        report: dict[str, Any] = {"project_id": project_id, "entities": plan.counts, "left_out": dict(plan.left_out)}
        if dry_run:
            report["files"] = len(plan.files)
            output.result("\n".join([f"Would copy {name} to {account.server}:", *lines, *left_out]), report)
            return 0
        done = run_site_copy(studio, site, plan, output.message)
    report.update(files=done.files, bytes=done.bytes, missing=list(done.missing))
    left_out += [f"{file_name} has no file in the studio." for file_name in done.missing]
    output.result("\n".join([f"Copied {name} to {account.server}:", *lines, *left_out]), report)
    return 0


@contextmanager
def _schema_file(site: Session | None) -> Iterator[Path | None]:
    """Yield a file with the schema of the site, or None without a site."""
    if site is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "schema.json"
        path.write_text(json.dumps(site.schemas), "utf-8")
        yield path


def _copy(
    output: Output, site: Session, project_id: str, folder: Path, schema: Path | None
) -> tuple[list[export.Row], mapping.MappedProject]:
    from ft_dcc.server.admin.service import export_lines, open_admin

    with open_admin(folder, schema=schema) as admin:
        schemas = {schema["id"]: schema for schema in admin.schemas()}
        attributes = {type_name: frozenset(schema["properties"]) for type_name, schema in schemas.items()}
        fetched: dict[str, int] = {}

        def report(type_name: str, count: int) -> None:
            before = fetched.get(type_name, 0)
            fetched[type_name] = before + count
            if before // _PROGRESS_INTERVAL < fetched[type_name] // _PROGRESS_INTERVAL:
                output.message(f"{type_name}: {fetched[type_name]} so far")

        rows = export.fetch_project(site, project_id, attributes, report)
        mapped = mapping.map_to_target(rows, schemas, mapping.TargetIndex.read(export_lines(folder)))
        with tempfile.TemporaryFile() as file:
            file.writelines(mapped.lines())
            file.seek(0)
            admin.load(file)
    return rows, mapped


def _copy_media(output: Output, site: Session, rows: Iterable[export.Row], folder: Path) -> dict[str, Any]:
    """Copy the files of the components that the studio does not have yet; return the counts."""
    from ft_dcc.project_transfer.site_copy import copy_files, missing_files

    account = ensure_local_studio(folder)
    with Session(account.server, account.key, account.user) as studio:
        done = copy_files(site, studio, missing_files(studio, files_of(rows)), output.message)
    for file_name in done.missing:
        output.message(f"{file_name} has no file on the site.")
    return {"files": done.files, "bytes": done.bytes, "missing": len(done.missing)}


def _refuse_same_studio(server: str, folder: Path) -> None:
    credentials = folder / "credentials.env"
    if credentials.exists() and f"FTRACK_SERVER={server.rstrip('/')}\n" in credentials.read_text("utf-8"):
        raise SettingInvalid(f"{server} is the studio in {folder} itself. Give the address of the site.")
