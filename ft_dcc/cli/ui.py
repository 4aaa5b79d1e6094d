"""``ft-dcc ui``: the dialog on the desktop, for files."""

from __future__ import annotations

from pathlib import Path

import click

from ft_dcc.cli.output import Output, reporting
from ft_dcc.errors import ExtraMissing


@click.command(name="ui", short_help="Open the window that publishes files.")
@click.argument("files", metavar="[FILES]...", nargs=-1, type=click.Path(path_type=Path))
@reporting
def command(output: Output, files: tuple[Path, ...]) -> int:
    """Open the window that publishes FILES: films, pictures, one picture of a sequence, or a folder of them."""
    try:
        from ft_dcc_qt.desktop import run
    except ImportError as error:
        raise ExtraMissing("ui", "The window") from error
    return run(file.absolute() for file in files)
