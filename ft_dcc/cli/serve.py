"""``ft-dcc serve``: the studio server in this process."""

from __future__ import annotations

from pathlib import Path

import click

from ft_dcc.cli.output import Output, reporting
from ft_dcc.errors import ExtraMissing


@click.command(name="serve", short_help="Start the studio server.")
@click.option("--data", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the studio.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 finds a free one.")
@reporting
def command(output: Output, data: Path, host: str, port: int) -> None:
    """Start the studio server and go on until Ctrl-C.

    The first start on an empty folder makes a usable studio. When it accepts connections it prints three lines
    that any shell understands; the same are in DIR/credentials.env:

    \b
    FTRACK_SERVER=...
    FTRACK_API_USER=...
    FTRACK_API_KEY=...
    """
    try:
        from ft_dcc.server.folder import Credentials
        from ft_dcc.server.serve import serve
    except ImportError as error:
        raise ExtraMissing("server", "The studio server") from error

    def tell(credentials: Credentials) -> None:
        lines = {
            "FTRACK_SERVER": credentials.server_url,
            "FTRACK_API_USER": credentials.api_user,
            "FTRACK_API_KEY": credentials.api_key,
        }
        output.result("\n".join(f"{name}={value}" for name, value in lines.items()), lines)

    serve(data, host, port, tell)
