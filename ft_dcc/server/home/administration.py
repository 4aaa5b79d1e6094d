"""What the administration page shows and does: people, keys, sign-out, mail, storage, backups and health."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from starlette.requests import Request

from ft_dcc.errors import StorageError
from ft_dcc.files.atomic import write_atomically
from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.admin import commands
from ft_dcc.server.auth.browser_sessions import sign_out_everywhere
from ft_dcc.server.auth.permissions import permissions_of
from ft_dcc.server.database import backup
from ft_dcc.server.database.integrity import read_problems
from ft_dcc.server.errors import Forbidden, ValidationError
from ft_dcc.server.identity import Caller
from ft_dcc.server.mail.outbox import queued_messages

_MAX_MAILS = 100
_MAX_BACKUPS = 30
# The results of checks of backups, by the names of their files.
_CHECKS = "checks.json"


def read_status(dispatcher: Dispatcher, caller: Caller, request: Request) -> dict[str, Any]:
    """Return the state of the server for administrators; raises Forbidden for others."""
    _require_administrator(dispatcher, caller)
    context = dispatcher.context
    usage = shutil.disk_usage(context.folder)
    return {
        "health": {
            "database_bytes": _size(context.folder / "studio.db"),
            "event_clients": context.events.client_count,
            "disk_free_bytes": usage.free,
            "disk_total_bytes": usage.total,
            "problems": [text for texts in read_problems(context.folder).values() for text in texts],
        },
        "storage": [
            {"name": path.name, "bytes": folder_size(path)}
            for path in sorted(context.folder.iterdir())
            if path.is_dir() and not path.is_symlink()
        ],
        "backup_folder": str(context.backup_folder),
        "backups": _read_backups(context.backup_folder),
        "mail": {
            "server": None if context.mailer.server is None else context.mailer.server.host,
            "public_url": context.mailer.public_url,
            "outbox": [
                {
                    "id": mail.id,
                    "to": mail.to,
                    "subject": mail.subject,
                    "text": mail.text,
                    "reason": mail.reason,
                    "age_seconds": int(mail.age),
                }
                for mail in list(queued_messages(context.mailer.outbox))[:_MAX_MAILS]
            ],
        },
    }


def run(dispatcher: Dispatcher, caller: Caller, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Run a command of an administrator and return its report; raises Forbidden and ValidationError.

    Beside the commands of ``ft-dcc studio``, there are ``sign-out`` for a user in all browsers, ``check-backup``,
    ``send-mail`` and ``drop-mail``.
    """
    _require_administrator(dispatcher, caller)
    context = dispatcher.context
    if name == "sign-out":
        user_id = str(arguments.get("user_id", ""))
        context.store.write(lambda connection: sign_out_everywhere(connection, user_id))
        return {"user_id": user_id}
    if name == "check-backup":
        return _check_backup(context.backup_folder, str(arguments.get("name", "")))
    if name == "send-mail":
        sent = list(context.mailer.send_queued(is_everything=True))
        return {"sent": sum(1 for _, reason in sent if not reason), "kept": [reason for _, reason in sent if reason]}
    if name == "drop-mail":
        return _drop_mail(context.mailer.outbox, str(arguments.get("id", "")))
    return commands.run_command(context, name, arguments)


def _drop_mail(outbox: Path, mail_id: str) -> dict[str, Any]:
    for mail in queued_messages(outbox):
        if mail.id == mail_id:
            mail.delete()
            return {"id": mail.id, "to": mail.to}
    raise ValidationError(f"There is no mail '{mail_id[:80]}' in the outbox. Load the page again.")


def _require_administrator(dispatcher: Dispatcher, caller: Caller) -> None:
    context = dispatcher.context
    with context.store.reading() as connection:
        permissions = permissions_of(connection, context.store.tables, caller.id)
    if not permissions.is_administrator:
        raise Forbidden("Only an administrator of the studio can open this page. Ask one.")


def _read_backups(folder: Path) -> list[dict[str, Any]]:
    found = sorted(folder.glob("studio-*.backup"), key=lambda path: path.name, reverse=True)[:_MAX_BACKUPS]
    checks = _read_checks(folder)
    return [
        {
            "name": path.name,
            "bytes": _size(path),
            "age_seconds": int(time.time() - path.stat().st_mtime),
            "check": checks.get(path.name),
        }
        for path in found
    ]


def _check_backup(folder: Path, name: str) -> dict[str, Any]:
    """Read all of a backup, record beside the backups whether it can be restored, and return the result."""
    path = folder / name
    if path.name != name or not path.is_file():
        raise ValidationError(f"There is no backup '{name[:80]}'. Load the page again.")
    problem = None
    try:
        backup.verify_backup(path)
    except StorageError as error:
        problem = str(error)
    check = {"at": datetime.now(timezone.utc).isoformat(timespec="seconds"), "problem": problem}
    kept = {known: value for known, value in _read_checks(folder).items() if (folder / known).exists()}
    write_atomically(folder / _CHECKS, json.dumps({**kept, name: check}).encode(), is_private=True)
    return {"name": name, **check}


def _read_checks(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / _CHECKS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def folder_size(folder: Path) -> int:
    """Return the bytes of the files below a folder; files that vanish meanwhile do not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(parent, name).lstat().st_size
    return total
