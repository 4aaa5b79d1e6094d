"""``ft-dcc serve``: run the studio server, back up and restore a studio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ft_dcc.accounts.local_server import read_account, require_server
from ft_dcc.cli.terminal.inputs import AbsolutePath
from ft_dcc.cli.terminal.output import Output, ReportingGroup

if TYPE_CHECKING:
    from ft_dcc.server.context import ServerStart

_FILE = AbsolutePath(dir_okay=False)
_FOLDER = AbsolutePath(file_okay=False)
# How each shell sets an environment variable.
_SHELLS = {
    "bash": "export {}='{}'",
    "cmd": 'set "{}={}"',
    "fish": "set -gx {} '{}'",
    "powershell": "$env:{} = '{}'",
    "zsh": "export {}='{}'",
}


@click.group(cls=ReportingGroup, invoke_without_command=True)
@click.option("--data", type=_FOLDER, help="Folder of the studio.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 finds a free one.")
@click.option("--certificate", type=_FILE, help="PEM file with the certificate for HTTPS.")
@click.option("--private-key", type=_FILE, help="PEM file with the private key of the certificate.")
@click.option(
    "--allow-plain-http", "is_plain_allowed", is_flag=True, help="Allow other machines to connect without HTTPS."
)
@click.option(
    "--shell",
    type=click.Choice(list(_SHELLS)),
    help="For scripts: print the credentials instead, with the key, as commands of this shell.",
)
@click.option(
    "--stop-when-idle",
    "idle_minutes",
    metavar="MINUTES",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop after this time without a client.",
)
@click.option(
    "--backups", type=_FOLDER, help="Folder of nightly backups with media (default: DIR/backups, without media)."
)
@click.option(
    "--keep-backups",
    default=7,
    show_default=True,
    type=click.IntRange(min=0),
    help="Number of nightly backups to keep; 0 disables them.",
)
@click.option("--backup-at", default="03:00", show_default=True, metavar="HH:MM", help="Time of the nightly backup.")
@click.option(
    "--request-limit",
    default=6000,
    show_default=True,
    type=click.IntRange(min=0),
    help="Requests per minute from one address, averaged over an hour; 0 means no limit.",
)
@click.option(
    "--reset-clock",
    "is_clock_reset",
    is_flag=True,
    help="Accept the clock of this machine, although later times are in the database.",
)
@click.option(
    "--log",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
    help="Minimum level of the log, which is written to stderr as lines of JSON.",
)
def command(
    output: Output,
    data: Path | None,
    host: str,
    port: int,
    *,
    log: str,
    shell: str | None,
    backups: Path | None,
    keep_backups: int,
    backup_at: str,
    request_limit: int,
    **options: Any,
) -> None:
    """Run the studio server until Ctrl-C.

    The first start on an empty folder creates a studio, and prints a link that signs its first user in once. The
    address of the server, the user and the key for programs are in DIR/credentials.env, which only you can read.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    if data is None:
        raise click.UsageError("Missing option '--data': the folder of the studio.", click.get_current_context())
    require_server("The studio server")
    from ft_dcc.server.database.scheduled_backup import BackupSchedule
    from ft_dcc.server.http.rate_limit import RequestLimiter
    from ft_dcc.server.http.request_logging import log_to_stderr
    from ft_dcc.server.run import serve

    log_to_stderr(log)
    serve(
        data,
        host,
        port,
        lambda start: _print_start(output, start, shell),
        backups=BackupSchedule.parse(backups, keep_backups, backup_at),
        limiter=RequestLimiter(request_limit),
        **options,
    )


@command.command(short_help="Back up a studio into a file, also while its server runs.")
@click.argument("file", type=_FILE)
@click.option("--data", required=True, type=_FOLDER, help="Folder of the studio.")
def backup(output: Output, file: Path, data: Path) -> None:
    """Back up the studio in --data into FILE. Its server may keep running."""
    require_server("The studio server")
    from ft_dcc.server.database.backup import back_up

    count = back_up(data, file)
    output.result(f"{file}: the database and {count} media files", {"file": str(file), "media_files": count})


@command.command(short_help="Restore a studio from a backup.")
@click.argument("file", type=_FILE)
@click.option("--data", required=True, type=_FOLDER, help="Folder of the studio; must be new or empty.")
def restore(output: Output, file: Path, data: Path) -> None:
    """Restore the studio in FILE into an empty --data folder."""
    require_server("The studio server")
    from ft_dcc.server.database import backup

    count = backup.restore(file, data)
    output.result(f"{data}: the database and {count} media files", {"data": str(data), "media_files": count})
    if count == 0:
        output.message(
            f"The backup contains no media. Copy the folder 'media' of the studio, if there is one, into {data}."
        )


def _print_start(output: Output, start: ServerStart, shell: str | None = None) -> None:
    report = {"server": start.server_url, "credentials": str(start.credentials_file), "sign_in": start.sign_in_url}
    if shell is None:
        return output.result(start.describe(), report)
    account = read_account(start.credentials_file.parent)
    # Neither an address nor a key contains a quote.
    lines = () if account is None else account.as_environment().items()
    return output.result("\n".join(_SHELLS[shell].format(name, value) for name, value in lines), report)
