"""``ft-dcc doctor``: settings with their origins, installed packages, programs and the server."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import attrs
import click

from ft_dcc.accounts import credentials, local_server
from ft_dcc.cli.terminal.inputs import AbsolutePath, connected
from ft_dcc.cli.terminal.output import Command, Output
from ft_dcc.errors import Error
from ft_dcc.files import atomic, log_file
from ft_dcc.install.diagnose import Diagnosis, diagnose, write_bundle
from ft_dcc.install.host_discovery import TITLES, Machine, redirection_of
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


@click.command(cls=Command)
@click.option(
    "--bundle",
    metavar="FILE",
    type=AbsolutePath(dir_okay=False),
    help="Also write a zip file for the support: this report, log files and the last publishes, without secrets.",
)
def command(output: Output, bundle: Path | None) -> int:
    """Check settings, packages, programs and the server, and show the origin of each setting.

    Keys are not printed. The exit code is 1 if something that is configured does not work.
    """
    settings, machine = read_settings(), Machine.here()
    log = Diagnosis("log file", str(log_file.log_files()[0]))
    # Settings come last: they are many, and seldom the cause.
    topics = {
        "Installed": list(_installed()),
        "Found": [*_ffmpeg(), *_jobs(settings), log, _plugins(settings), _usable(settings)],
        "Hosts": [each for host in TITLES for each in diagnose(host, machine)],
        "Reachable": list(_server(settings)),
        "Settings": list(_settings(settings)),
    }
    broken = [_line(each) for found in topics.values() for each in found if each.is_good is False]
    lines = ["What is broken", *broken] if broken else ["Nothing is broken."]
    for topic, found in topics.items():
        lines += [f"\n{topic}", *(_line(each) for each in found if each.is_good is not False)]
    if bundle is not None:
        _write_bundle(output, bundle, "\n".join(lines), settings)
    report = [{"topic": topic, **attrs.asdict(each)} for topic, found in topics.items() for each in found]
    # Settings first: findings of other topics have the names of some.
    report.sort(key=lambda each: each["topic"] != "Settings")
    output.result("\n".join(lines), {"findings": report})
    return 1 if broken else 0


def _write_bundle(output: Output, file: Path, report: str, settings: Settings) -> None:
    last = credentials.last_login()
    stored = None if last is None else credentials.load_credentials(*last)
    keys = (settings.get("key") or "", "" if stored is None else stored.key)
    names = write_bundle(file, report, Path(settings.require("jobs")), keys)
    output.message(f"{file}: {len(names)} texts. Read them before you send the file: {', '.join(names)}")


def _line(each: Diagnosis) -> str:
    mark = {True: "ok", False: "BROKEN", None: ""}[each.is_good]
    return f"  {mark:<7}{each.name:<20} {each.text}"


def _settings(settings: Settings) -> Iterator[Diagnosis]:
    for name, text, origin in settings.rows():
        yield Diagnosis(name, f"{origin}: {text}" if origin == "default" else f"{text}  ({origin})")


def _installed() -> Iterator[Diagnosis]:
    yield Diagnosis("ft-dcc", _version("ft-dcc") or "not installed")
    refusal = redirection_of(sys.base_prefix)
    found = refusal or f"{platform.python_version()}  ({sys.executable})"
    yield Diagnosis("python", found, None if refusal is None else False)
    yield Diagnosis("system", platform.platform())
    for name in _CORE:
        version = _version(name)
        yield Diagnosis(name, version or "missing", version is not None)
    for extra, parts in _EXTRAS.items():
        missing = [name for name, module in parts.items() if importlib.util.find_spec(module) is None]
        if missing:
            yield Diagnosis(f"[{extra}]", f'not installed; pip install "ft-dcc[{extra}]"')
        else:
            yield Diagnosis(f"[{extra}]", ", ".join(f"{name} {_version(name)}" for name in parts), True)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _ffmpeg() -> Iterator[Diagnosis]:
    from ft_dcc.media import encoders, ffmpeg

    try:
        yield Diagnosis("ffmpeg", f"{ffmpeg.version()}  ({ffmpeg.find()})", True)
    except Error as error:
        yield Diagnosis("ffmpeg", str(error), False)
        return
    with atomic.temporary_folder() as folder:
        encoder, reason = encoders.choose(folder)
    yield Diagnosis("encoder", f"{encoder.name}{f'  ({reason})' if reason else ''}", True)


def _jobs(settings: Settings) -> Iterator[Diagnosis]:
    folder = Path(settings.require("jobs"))
    # The first publish creates the folder; until then check its nearest existing parent.
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        free = shutil.disk_usage(existing).free
    except OSError as error:
        yield Diagnosis("jobs folder", f"{folder}: {error.strerror}", False)
        return
    yield Diagnosis("jobs folder", f"{folder}, {free / 2**30:.1f} GiB free", free > 2**30)


def _usable(settings: Settings) -> Diagnosis:
    from ft_dcc.publish.settings_check import check_settings

    try:
        check_settings(settings)
    except Error as error:
        return Diagnosis("values of settings", str(error), False)
    return Diagnosis("values of settings", "folders, encoder and colours exist", True)


def _plugins(settings: Settings) -> Diagnosis:
    from ft_dcc.publish.pipeline.registry import describe_left_out

    is_all = settings.get("pyblish_plugins") == "all"
    others = "those of other users of pyblish run, too" if is_all else "no other user of pyblish has registered any"
    return Diagnosis("publish plugins", describe_left_out(settings) or others)


def _server(settings: Settings) -> Iterator[Diagnosis]:
    address = settings.get("server")
    if address is None:
        # Its state; it is not started.
        folder = local_server.studio_folder(settings)
        if local_server.is_running(folder):
            yield Diagnosis("server", f"not set: local studio in {folder}, running", True)
            return
        try:
            local_server.require_server("The local studio")
            yield Diagnosis("server", f"not set: local studio in {folder}, started when needed")
        except Error as error:
            yield Diagnosis("server", f"not set. {error}")
        return
    try:
        with connected() as session:
            version = session.server_information.get("version")
            yield Diagnosis("server", f"{address}, version {version}, signed in as {session.api_user}", True)
    except Error as error:
        yield Diagnosis("server", str(error), False)
