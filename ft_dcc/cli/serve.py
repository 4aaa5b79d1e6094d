"""``ft-dcc serve``: run the studio server, back up and restore a studio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ft_dcc.accounts.local_server import require_server
from ft_dcc.cli.terminal.inputs import AbsolutePath
from ft_dcc.cli.terminal.output import Output, reporting

if TYPE_CHECKING:
    from ft_dcc.server.database.data_folder import Credentials

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


@click.group(name="serve", short_help="Start the studio server.", invoke_without_command=True)
@click.option("--data", type=_FOLDER, help="Folder of the studio.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 finds a free one.")
@click.option("--certificate", type=_FILE, help="PEM file with the certificate for HTTPS.")
@click.option("--private-key", type=_FILE, help="PEM file with the private key of the certificate.")
@click.option("--allow-plain-http", is_flag=True, help="Allow other machines to connect without HTTPS.")
@click.option("--schema", type=_FILE, help="Schema of a site instead of the built-in one; stored in the folder.")
@click.option(
    "--shell",
    type=click.Choice(list(_SHELLS)),
    help="Print the lines as commands of this shell, which can be pasted (default: NAME=VALUE).",
)
@click.option(
    "--stop-when-idle",
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
@reporting
@click.pass_context
def command(
    context: click.Context,
    output: Output,
    data: Path | None,
    host: str,
    port: int,
    certificate: Path | None,
    private_key: Path | None,
    allow_plain_http: bool,
    schema: Path | None,
    shell: str | None,
    stop_when_idle: float | None,
    backups: Path | None,
    keep_backups: int,
    backup_at: str,
    request_limit: int,
    reset_clock: bool,
    log: str,
) -> None:
    """Run the studio server until Ctrl-C.

    The first start on an empty folder creates a studio. When the server accepts connections, it prints three lines,
    which are also in DIR/credentials.env:

    \b
    FTRACK_SERVER=...
    FTRACK_API_USER=...
    FTRACK_API_KEY=...
    """  # noqa: D301 - click reads \b as the start of a verbatim paragraph
    if context.invoked_subcommand is not None:
        return
    if data is None:
        raise click.UsageError("Missing option '--data': the folder of the studio.", context)
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
        lambda credentials: _print_credentials(output, credentials, shell),
        certificate=certificate,
        private_key=private_key,
        is_plain_allowed=allow_plain_http,
        schema=schema,
        idle_minutes=stop_when_idle,
        backups=BackupSchedule.parse(backups, keep_backups, backup_at),
        limiter=RequestLimiter(request_limit),
        is_clock_reset=reset_clock,
    )


@command.command(name="backup", short_help="Back up a studio into a file, also while its server runs.")
@click.argument("file", type=_FILE)
@click.option("--data", required=True, type=_FOLDER, help="Folder of the studio.")
@reporting
def backup(output: Output, file: Path, data: Path) -> None:
    """Back up the studio in --data into FILE. Its server may keep running."""
    require_server("The studio server")
    from ft_dcc.server.database.backup import back_up

    count = back_up(data, file)
    output.result(f"{file}: the database and {count} media files", {"file": str(file), "media_files": count})


@command.command(name="restore", short_help="Restore a studio from a backup.")
@click.argument("file", type=_FILE)
@click.option("--data", required=True, type=_FOLDER, help="Folder of the studio; must be new or empty.")
@reporting
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


def _print_credentials(output: Output, credentials: Credentials, shell: str | None = None) -> None:
    lines = {
        "FTRACK_SERVER": credentials.server_url,
        "FTRACK_API_USER": credentials.api_user,
        "FTRACK_API_KEY": credentials.api_key,
    }
    # Neither an address nor a key contains a quote.
    template = "{}={}" if shell is None else _SHELLS[shell]
    output.result("\n".join(template.format(name, value) for name, value in lines.items()), lines)
