"""``ft-dcc doctor``: what is installed, found and reachable, and where each setting came from."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import attrs
import click

from ft_dcc.cli.output import Output, reporting
from ft_dcc.config import Settings, read_settings
from ft_dcc.errors import Error
from ft_dcc.local_studio import is_running, need_server, studio_folder

# What each optional part brings: the distribution, and the module that proves it can be found.
_EXTRAS = {
    "media": {"imageio-ffmpeg": "imageio_ffmpeg"},
    "colour": {"OpenImageIO": "OpenImageIO"},
    "server": {"starlette": "starlette", "uvicorn": "uvicorn", "sqlalchemy": "sqlalchemy", "lark": "lark"},
    "cli": {"click": "click", "rich": "rich"},
    "blender": {"bpy": "bpy"},
    "ui": {"PySide6-Essentials": "PySide6"},
    "keys": {"keyring": "keyring"},
}
_CORE = (
    *("attrs", "clique", "filelock", "platformdirs", "pyblish-base", "qt-py", "requests", "tomli", "websocket-client"),
)


@attrs.frozen
class Finding:
    """One line of the report; ``is_good`` is None for what is only told."""

    topic: str
    name: str
    text: str
    is_good: bool | None = None


@click.command(name="doctor", short_help="Say what is installed, found and reachable.")
@reporting
def command(output: Output) -> int:
    """Say what is installed, what is found and reachable, and where each setting came from.

    Never prints a key. The exit code is 1 when something that is set up does not work.
    """
    settings = read_settings()
    findings = [*_settings(settings), *_installed(), *_ffmpeg(), *_jobs(settings), *_hosts(), *_server(settings)]
    marks = {True: "ok     ", False: "BROKEN ", None: "       "}
    lines = []
    topic = ""
    for finding in findings:
        if finding.topic != topic:
            topic = finding.topic
            lines.append(f"\n{topic}")
        lines.append(f"  {marks[finding.is_good]}{finding.name:<20} {finding.text}")
    output.result("\n".join(lines).strip(), {"findings": [attrs.asdict(finding) for finding in findings]})
    return 1 if any(finding.is_good is False for finding in findings) else 0


def _settings(settings: Settings) -> Iterator[Finding]:
    for name, value in settings.values.items():
        yield Finding("Settings", name, f"{value.shown}  ({value.origin})")


def _installed() -> Iterator[Finding]:
    yield Finding("Installed", "ft-dcc", _version("ft-dcc") or "not installed")
    yield Finding("Installed", "python", f"{platform.python_version()}  ({sys.executable})")
    yield Finding("Installed", "system", platform.platform())
    for name in _CORE:
        version = _version(name)
        yield Finding("Installed", name, version or "missing", version is not None)
    for extra, parts in _EXTRAS.items():
        lacking = [name for name, module in parts.items() if importlib.util.find_spec(module) is None]
        if lacking:
            yield Finding("Installed", f"[{extra}]", f"not installed; pip install 'ft-dcc[{extra}]'")
        else:
            yield Finding("Installed", f"[{extra}]", ", ".join(f"{name} {_version(name)}" for name in parts), True)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _ffmpeg() -> Iterator[Finding]:
    from ft_dcc.media import encoders, ffmpeg

    try:
        yield Finding("Found", "ffmpeg", f"{ffmpeg.version()}  ({ffmpeg.find()})", True)
    except Error as error:
        yield Finding("Found", "ffmpeg", str(error), False)
        return
    with tempfile.TemporaryDirectory(prefix="ft-dcc-") as folder:
        encoder, reason = encoders.choose(Path(folder))
    yield Finding("Found", "encoder", f"{encoder.name}{f'  ({reason})' if reason else ''}", True)


def _hosts() -> Iterator[Finding]:
    from ft_dcc.install.examine import examine
    from ft_dcc.install.programs import TITLES, Machine

    machine = Machine.here()
    for host in TITLES:
        for each in examine(host, machine):
            yield Finding("Hosts", each.name, each.text, each.is_good)


def _jobs(settings: Settings) -> Iterator[Finding]:
    folder = Path(settings.need("jobs"))
    # The folder is made at the first publish; until then its nearest existing parent says what is possible.
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        free = shutil.disk_usage(existing).free
    except OSError as error:
        yield Finding("Found", "jobs folder", f"{folder}: {error.strerror}", False)
        return
    yield Finding("Found", "jobs folder", f"{folder}, {free / 2**30:.1f} GiB free", free > 2**30)


def _server(settings: Settings) -> Iterator[Finding]:
    address = settings.get("server")
    if address is None:
        yield _own_studio(studio_folder(settings))
        return
    from ft_dcc.cli.connection import connected

    try:
        with connected() as session:
            version = session.server_information.get("version")
            yield Finding("Reachable", "server", f"{address}, version {version}, signed in as {session.api_user}", True)
    except Error as error:
        yield Finding("Reachable", "server", str(error), False)


def _own_studio(folder: Path) -> Finding:
    """Say what is used where no server is set; nothing is started for it."""
    if is_running(folder):
        return Finding("Reachable", "server", f"not set: your own studio in {folder}, which runs", True)
    try:
        need_server("A studio of your own")
    except Error as error:
        return Finding("Reachable", "server", f"not set. {error}")
    return Finding("Reachable", "server", f"not set: your own studio in {folder}, started when it is needed")
