"""``ft-dcc doctor``: settings with their origins, installed packages, programs and the server."""

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

from ft_dcc.accounts.local_server import is_running, require_server, studio_folder
from ft_dcc.cli.terminal.output import Output, reporting
from ft_dcc.errors import Error
from ft_dcc.settings.resolve import Settings, read_settings

# Distributions of each extra, and a module of each that must be importable.
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
    """One line of the report; ``is_good`` is None for information."""

    topic: str
    name: str
    text: str
    is_good: bool | None = None


@click.command(name="doctor", short_help="Check settings, packages, programs and the server.")
@reporting
def command(output: Output) -> int:
    """Check settings, packages, programs and the server, and show the origin of each setting.

    Keys are not printed. The exit code is 1 if something that is configured does not work.
    """
    settings = read_settings()
    findings = [*_settings(settings), *_installed(), *_ffmpeg(), *_jobs(settings), *_hosts(), *_server(settings)]
    broken = [finding for finding in findings if finding.is_good is False]
    lines = ["What is broken", *map(_line, broken)] if broken else [click.style("Nothing is broken.", "green")]
    # Settings without a value come last: they are many, and seldom the cause.
    shown = [each for each in findings if each.is_good is not False and each.topic != "Settings"]
    shown += [each for each in findings if each.is_good is not False and each.topic == "Settings"]
    topic = ""
    for finding in shown:
        if finding.topic != topic:
            topic = finding.topic
            lines.append(f"\n{topic}")
        lines.append(_line(finding))
    output.result("\n".join(lines), {"findings": [attrs.asdict(finding) for finding in findings]})
    return 1 if broken else 0


def _line(finding: Finding) -> str:
    """Return the line of a finding; colours are removed where stdout is no terminal."""
    marks = {True: click.style("ok     ", "green"), False: click.style("BROKEN ", "red", bold=True), None: "       "}
    return f"  {marks[finding.is_good]}{finding.name:<20} {finding.text}"


def _settings(settings: Settings) -> Iterator[Finding]:
    for name, value in settings.values.items():
        label = value.setting.default_label.replace("`", "")
        if value.origin == "default":
            yield Finding("Settings", name, f"default: {label or value.text}" if label or value.text else "not set")
        else:
            yield Finding("Settings", name, f"{value.display_text}  ({value.origin})")


def _installed() -> Iterator[Finding]:
    yield Finding("Installed", "ft-dcc", _version("ft-dcc") or "not installed")
    yield Finding("Installed", "python", f"{platform.python_version()}  ({sys.executable})")
    yield Finding("Installed", "system", platform.platform())
    for name in _CORE:
        version = _version(name)
        yield Finding("Installed", name, version or "missing", version is not None)
    for extra, parts in _EXTRAS.items():
        missing = [name for name, module in parts.items() if importlib.util.find_spec(module) is None]
        if missing:
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
    from ft_dcc.install.diagnose import diagnose
    from ft_dcc.install.host_discovery import TITLES, Machine

    machine = Machine.here()
    for host in TITLES:
        for each in diagnose(host, machine):
            yield Finding("Hosts", each.name, each.text, each.is_good)


def _jobs(settings: Settings) -> Iterator[Finding]:
    folder = Path(settings.require("jobs"))
    # The first publish creates the folder; until then check its nearest existing parent.
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
        yield _local_studio(studio_folder(settings))
        return
    from ft_dcc.cli.terminal.inputs import connected

    try:
        with connected() as session:
            version = session.server_information.get("version")
            yield Finding("Reachable", "server", f"{address}, version {version}, signed in as {session.api_user}", True)
    except Error as error:
        yield Finding("Reachable", "server", str(error), False)


def _local_studio(folder: Path) -> Finding:
    """Return the state of the local studio; do not start it."""
    if is_running(folder):
        return Finding("Reachable", "server", f"not set: local studio in {folder}, running", True)
    try:
        require_server("The local studio")
    except Error as error:
        return Finding("Reachable", "server", f"not set. {error}")
    return Finding("Reachable", "server", f"not set: local studio in {folder}, started when needed")
