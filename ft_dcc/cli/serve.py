"""``ft-dcc serve``: the studio server in this process, and the backup of its studio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ft_dcc.cli.output import Output, reporting
from ft_dcc.local_studio import need_server

if TYPE_CHECKING:
    from ft_dcc.server.folder import Credentials

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(name="serve", short_help="Start the studio server.", invoke_without_command=True)
@click.option("--data", type=_FOLDER, help="Folder of the studio.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 finds a free one.")
@click.option("--certificate", type=_FILE, help="Certificate for HTTPS, a PEM file.")
@click.option("--private-key", type=_FILE, help="The certificate's private key, a PEM file.")
@click.option("--allow-plain-http", is_flag=True, help="Other machines may come without HTTPS.")
@click.option("--schema", type=_FILE, help="A site's own schema instead of ours; the folder keeps it.")
@click.option(
    "--stop-when-idle",
    metavar="MINUTES",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop after so long without a client.",
)
@click.option("--backups", type=_FOLDER, help="Folder of nightly backups, with media; else DIR/backups, without.")
@click.option(
    "--keep-backups",
    default=7,
    show_default=True,
    type=click.IntRange(min=0),
    help="How many nightly backups are kept; 0 makes none.",
)
@click.option("--backup-at", default="03:00", show_default=True, metavar="HH:MM", help="Time of the nightly backup.")
@click.option(
    "--request-limit",
    default=6000,
    show_default=True,
    type=click.IntRange(min=0),
    help="Requests a minute from one address, on average over an hour; 0 takes any number.",
)
@click.option(
    "--log",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
    help="Least level of what is logged, as lines of JSON on stderr.",
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
    stop_when_idle: float | None,
    backups: Path | None,
    keep_backups: int,
    backup_at: str,
    request_limit: int,
    log: str,
) -> None:
    """Start the studio server and go on until Ctrl-C.

    The first start on an empty folder makes a usable studio. When it accepts connections it prints three lines
    that any shell understands; the same are in DIR/credentials.env:

    \b
    FTRACK_SERVER=...
    FTRACK_API_USER=...
    FTRACK_API_KEY=...
    """
    if context.invoked_subcommand is not None:
        return
    if data is None:
        raise click.UsageError("Missing option '--data': the folder of the studio.", context)
    need_server("The studio server")
    from ft_dcc.server.logs import log_to_stderr
    from ft_dcc.server.nightly import Nightly
    from ft_dcc.server.pace import Pace
    from ft_dcc.server.serve import serve

    log_to_stderr(log)
    serve(
        data,
        host,
        port,
        lambda credentials: _tell(output, credentials),
        certificate=certificate,
        private_key=private_key,
        is_plain_allowed=allow_plain_http,
        schema=schema,
        idle_minutes=stop_when_idle,
        nightly=Nightly.parse(backups, keep_backups, backup_at),
        pace=Pace(request_limit),
    )


@command.command(name="backup", short_help="Copy a studio into one file, also while it is served.")
@click.argument("file", type=_FILE)
@click.option("--data", required=True, type=_FOLDER, help="Folder of the studio.")
@reporting
def backup(output: Output, file: Path, data: Path) -> None:
    """Write the studio in --data, as it is at this moment, into FILE. The server may go on."""
    need_server("The studio server")
    from ft_dcc.server.backup import back_up

    count = back_up(data, file)
    output.result(f"{file}: the database and {count} media files", {"file": str(file), "media_files": count})


@command.command(name="restore", short_help="Make a studio of a backup.")
@click.argument("file", type=_FILE)
@click.option("--data", required=True, type=_FOLDER, help="Folder of the studio; it must be new or empty.")
@reporting
def restore(output: Output, file: Path, data: Path) -> None:
    """Write what a backup holds into an empty --data folder, ready to be served."""
    need_server("The studio server")
    from ft_dcc.server import backup

    count = backup.restore(file, data)
    output.result(f"{data}: the database and {count} media files", {"data": str(data), "media_files": count})
    if count == 0:
        output.say(f"The backup has no media. Copy the folder 'media' of the studio into {data}, where it has one.")


def _tell(output: Output, credentials: Credentials) -> None:
    lines = {
        "FTRACK_SERVER": credentials.server_url,
        "FTRACK_API_USER": credentials.api_user,
        "FTRACK_API_KEY": credentials.api_key,
    }
    output.result("\n".join(f"{name}={value}" for name, value in lines.items()), lines)
