"""Copy a project from a site into a studio, or from a studio to a site: the work of ``ft-dcc studio copy``."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from ft_dcc.accounts.credentials import Account
from ft_dcc.accounts.local_server import ensure_local_studio, require_server, studio_folder
from ft_dcc.cli.terminal.inputs import connected, find_account_at
from ft_dcc.cli.terminal.output import Output
from ft_dcc.errors import SettingInvalid
from ft_dcc.files.atomic import temporary_file
from ft_dcc.project_transfer import export, mapping, site_plan
from ft_dcc.project_transfer.site_copy import copy_files, missing_files, plan_site_copy, run_site_copy
from ft_dcc.session import Session
from ft_dcc.settings.resolve import read_settings

_PROGRESS_INTERVAL = 1000


def copy_project(output: Output, name: str, data: Path | None, *, with_media: bool) -> None:
    """Copy a project of the settings' site into the studio in the folder."""
    require_server("The studio server")
    settings, folder = read_settings(), data or studio_folder()
    account = Account(*(settings.require(setting) for setting in ("server", "user", "key")))
    _refuse_same_studio(account.server, folder)
    with connected(account) as site:
        project_id = export.find_project(site, name)
        rows, mapped = _copy(output, site, project_id, folder)
        media = None
        if with_media:
            with connected(ensure_local_studio(folder)) as studio:
                media = copy_files(site, studio, missing_files(studio, site_plan.files_of(rows)), output.message)
            for file_name in media.missing:
                output.message(f"{file_name} has no file on the site.")
    report: dict[str, Any] = {"project_id": project_id, "entities": mapped.counts, "left_out": dict(mapped.left_out)}
    lines = [f"{count:>7} {type_name}" for type_name, count in mapped.counts.items()]
    others = "left out: they belong to other projects"
    lines += [f"{count:>7} {type_name} {others}" for type_name, count in mapped.left_out.items()]
    if media is not None:
        report["media"] = {"files": media.files, "bytes": media.bytes, "missing": len(media.missing)}
        lines.append(f"{media.files:>7} media files, {media.bytes} bytes")
    output.result("\n".join([f"Copied {name} into the studio in {folder}:", *lines]), report)


def copy_to_site(
    output: Output, name: str, data: Path | None, address: str, *, project_schema: str | None, dry_run: bool
) -> int:
    """Copy the project from the studio in the folder to the site at the address; return the exit code."""
    require_server("The studio server")
    folder = data or studio_folder()
    account = find_account_at(address)
    _refuse_same_studio(account.server, folder)
    with connected(ensure_local_studio(folder)) as studio, connected(account) as site:
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


def _copy(
    output: Output, site: Session, project_id: str, folder: Path
) -> tuple[list[export.Row], mapping.MappedProject]:
    from ft_dcc.server.admin.service import export_lines, open_admin

    with open_admin(folder) as admin:
        schemas = {schema["id"]: schema for schema in admin.run("schemas")["schemas"]}
        attributes = {type_name: frozenset(schema["properties"]) for type_name, schema in schemas.items()}
        fetched: Counter[str] = Counter()

        def report(type_name: str, count: int) -> None:
            fetched[type_name] += count
            if fetched[type_name] % _PROGRESS_INTERVAL < count:
                output.message(f"{type_name}: {fetched[type_name]} so far")

        rows = export.fetch_project(site, project_id, attributes, report)
        mapped = mapping.map_to_target(rows, schemas, mapping.TargetIndex.of(map(json.loads, export_lines(folder))))
        with temporary_file() as file:
            file.writelines(mapped.lines())
            file.seek(0)
            admin.load(file)
    return rows, mapped


def _refuse_same_studio(server: str, folder: Path) -> None:
    credentials = folder / "credentials.env"
    if credentials.exists() and f"FTRACK_SERVER={server.rstrip('/')}\n" in credentials.read_text("utf-8"):
        raise SettingInvalid(f"{server} is the studio in {folder} itself. Give the address of the site.")
