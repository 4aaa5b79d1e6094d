"""``ft-dcc types``: what an editor needs to know of a site."""

from __future__ import annotations

from pathlib import Path

import click

from ft_dcc.cli.connection import connected
from ft_dcc.cli.output import Output, reporting
from ft_dcc.errors import DiskUnusable


@click.command(name="types", short_help="Write type stubs of the site's entity types.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write, as studio.pyi.")
@reporting
def command(output: Output, out: Path | None) -> None:
    """Write the site's entity types as a stub file, or print it.

    An editor then completes version["..."], and a type checker knows what is read. Import the classes where only
    the type checker looks:

    \b
    if TYPE_CHECKING:
        from studio import AssetVersion, Session
    """
    # Only this command needs it.
    from ft_dcc.session.stubs import stubs

    with connected() as session:
        text, count = stubs(session.schemas), len(session.schemas)
    if out is None:
        output.result(text, {"entity_types": count, "text": text})
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DiskUnusable(f"{out} cannot be written: {error.strerror}. Choose another file with --out.") from error
    output.result(str(out), {"entity_types": count, "path": str(out)})
