"""``ft-dcc install`` and ``ft-dcc uninstall``: the suite in Maya, Nuke and Blender."""

from __future__ import annotations

from pathlib import Path

import click

from ft_dcc.cli.output import Output, reporting

_host = click.argument("host", type=click.Choice(["blender", "maya", "nuke"]))
_to = click.option(
    "--to", type=click.Path(file_okay=False, path_type=Path), help="Folder to use instead, as on a share."
)
_version = click.option("--version", help="Only this version of the host, as 2025, 15 or 4.2.")


@click.command(name="install", short_help="Put ft-dcc into Maya, Nuke or Blender.")
@_host
@_to
@_version
@click.option("--ffmpeg/--no-ffmpeg", default=True, help="Bring an ffmpeg along (170 MB), if there is one here.")
@reporting
def command(output: Output, host: str, to: Path | None, version: str | None, ffmpeg: bool) -> None:
    """Put ft-dcc and all that it imports where this user's host finds it, and print what was done.

    No network is needed, no file of the user's is changed, and nothing is installed into the host's own Python.
    Running it again brings the present version.
    """
    from ft_dcc.install.programs import TITLES, Machine
    from ft_dcc.install.run import install

    folder = None if to is None else to.absolute()
    done = install(host, Machine.here(), version=version, to=folder, with_ffmpeg=ffmpeg)
    lines, report = [], []
    for each in done:
        record = each.record
        size = sum(record.files.values()) / 2**20
        versions = ", ".join(record.versions)
        lines.append(f"ft-dcc {record.release} for {TITLES[host]} {versions}: {len(record.files)} files, {size:.0f} MB")
        lines += [f"  in {each.folder}", *(f"  and {path}" for path in record.beside)]
        lines += [f"  {hint}." for hint in each.hints]
        report.append(
            {
                "folder": str(each.folder),
                "beside": list(record.beside),
                "versions": list(record.versions),
                "release": record.release,
                "hints": list(each.hints),
            }
        )
    output.result("\n".join(lines), {"host": host, "installed": report})


@click.command(name="uninstall", short_help="Take ft-dcc out of Maya, Nuke or Blender.")
@_host
@_to
@_version
@reporting
def uninstall_command(output: Output, host: str, to: Path | None, version: str | None) -> None:
    """Remove what ``install`` put there, and nothing else.

    What somebody has changed or added since is left, and named.
    """
    from ft_dcc.install.programs import TITLES, Machine
    from ft_dcc.install.run import uninstall

    removed = uninstall(host, Machine.here(), version=version, to=None if to is None else to.absolute())
    lines = [f"ft-dcc is no more in {each.folder}" for each in removed] or [f"Nothing of ft-dcc is in {TITLES[host]}."]
    lines += [f"  left, because it is not ours any more: {path}" for each in removed for path in each.left]
    report = [{"folder": str(each.folder), "left": list(map(str, each.left))} for each in removed]
    output.result("\n".join(lines), {"host": host, "removed": report})
