"""``ft-dcc fetch``: download a component of a version."""

from __future__ import annotations

from pathlib import Path

import click

from ft_dcc.cli.inputs import AbsolutePath, connected
from ft_dcc.cli.output import Output, reporting


@click.command(name="fetch", short_help="Download the scene file, or another component, of a version.")
@click.argument("version", metavar="VERSION")
@click.option("--component", metavar="NAME", help="Component (default: the scene file).")
@click.option("--to", "folder", type=AbsolutePath(file_okay=False), help="Folder (default: the current one).")
@reporting
def command(output: Output, version: str, component: str | None, folder: Path | None) -> None:
    """Download a component of VERSION and print the path of the new file; no file is written over.

    VERSION is an id, or PROJECT/SEQUENCE/SHOT/ASSET/v003.
    """
    from ft_dcc.cli.progress import progress_display
    from ft_dcc.production import versions
    from ft_dcc.publish.progress import Progress

    with connected() as session, progress_display() as on_progress:
        found = versions.find_component(session, versions.find_version_id(session, version), component)

        def on_bytes(received: int, total: int) -> None:
            on_progress(Progress(f"download {found.name}", found.file_name, received, total, "bytes"))

        path = versions.fetch(session, found, folder or Path.cwd(), on_bytes)
    output.result(str(path), {"path": str(path), "component_id": found.id, "sha256": found.sha256})
