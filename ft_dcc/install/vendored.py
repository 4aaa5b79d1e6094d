"""The packages of an installation: the suite and its dependencies, as pure Python.

They are packed from this environment, so no network is needed. Only for a host whose Python is too old for these
packages, pip downloads older ones.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path, PurePath

from ft_dcc.accounts.local_server import INSTALLED_BY
from ft_dcc.errors import InstallFailed
from ft_dcc.install.host_discovery import Python

# The dependencies of the core, direct and indirect; a test compares them with the metadata.
PACKAGES = (
    *("attrs", "certifi", "charset-normalizer", "clique", "filelock", "idna", "platformdirs", "pyblish-base"),
    *("Qt.py", "requests", "tomli", "urllib3", "websocket-client"),
)
# Dependencies of packages for older Pythons; included if installed.
_OPTIONAL = ("typing-extensions",)
# Contains ffmpeg as a program for this system, for any Python.
_FFMPEG = "imageio-ffmpeg"

_COMPILED = (".so", ".pyd", ".dylib")
_MINIMUM = re.compile(r">=\s*(\d+)\.(\d+)")


def release() -> str:
    """Return the version of the suite."""
    return metadata.version("ft-dcc")


def package_folder(name: str) -> Path:
    """Return the folder of a package of the suite without importing it; raise InstallFailed if it is missing."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise InstallFailed(f"{name} is not part of this installation. Run: pip install --force-reinstall ft-dcc")
    return Path(found.origin).parent


def has_package(name: str) -> bool:
    """Return whether a package of the suite is installed."""
    return importlib.util.find_spec(name) is not None


def minimum_python() -> Python:
    """Return the oldest Python that can run the installed packages."""
    return max(map(_minimum, (*PACKAGES, *_installed(_OPTIONAL))))


def make_wheels(folder: Path, python: Python, *, with_ffmpeg: bool, is_for_this_machine: bool = True) -> list[Path]:
    """Write wheels of the suite and its dependencies for this Python into the folder; raise InstallFailed.

    Wheels for this machine contain the path of this Python, which then starts the local studio.
    """
    if minimum_python() <= python:
        for name in (*PACKAGES, *_installed(_OPTIONAL)):
            _pack_distribution(name, folder)
    else:
        _download(folder, python)
    for name in _installed((_FFMPEG,) if with_ffmpeg else ()):
        _pack_distribution(name, folder)
    files = {PurePath(path.relative_to(package_folder("ft_dcc").parent)): path for path in sources("ft_dcc")}
    if is_for_this_machine:
        marker = folder / INSTALLED_BY
        marker.write_text(sys.executable, encoding="utf-8")
        files[PurePath("ft_dcc", INSTALLED_BY)] = marker
    _write_wheel(folder / f"ft_dcc-{release()}-py3-none-any.whl", "ft-dcc", release(), files)
    # Qt.py depends on type stubs of PySide, which no program needs.
    return sorted(wheel for wheel in folder.glob("*.whl") if not wheel.name.startswith("types_"))


def make_ffmpeg_wheel(folder: Path, platforms: Sequence[str], *, is_own_system: bool) -> Path:
    """Write the wheel with ffmpeg for a system into the folder; raise InstallFailed.

    The one of this system is packed from this environment if it is installed, others are downloaded with pip.
    """
    if is_own_system and _installed((_FFMPEG,)):
        _pack_distribution(_FFMPEG, folder)
    else:
        tags = [argument for platform in platforms for argument in ("--platform", platform)]
        # A version that supports the oldest Python of a host.
        error = _pip_download(folder, *tags, "--python-version", "3.9", "--no-deps", _FFMPEG)
        if error is not None:
            raise InstallFailed(f"pip could not download {_FFMPEG}: {error}")
    return next(folder.glob("imageio_ffmpeg-*.whl"))


def sources(name: str) -> Iterable[Path]:
    """Yield the files of a package of the suite, without ``__pycache__``."""
    for path in sorted(package_folder(name).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def copy_package(name: str, folder: Path, *, without: str = "") -> None:
    """Copy a package of the suite into the folder, without one of its parts."""
    home = package_folder(name)
    for source in sources(name):
        path = source.relative_to(home)
        if path.parts[0] != without:
            target = folder / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def unpack(wheels: Iterable[Path], folder: Path) -> None:
    """Unpack the wheels into a folder for imports, with the modes of executable files."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as packed:
            for item in packed.infolist():
                # The tests of pyblish-base would hide a package "tests" of the artist.
                if not item.filename.startswith("tests/"):
                    path = Path(packed.extract(item, folder))
                    mode = item.external_attr >> 16 & 0o777
                    if mode & 0o100:
                        # A wheel may let everybody write its programs.
                        path.chmod(mode & 0o755)


def _installed(names: Sequence[str]) -> list[str]:
    found = []
    for name in names:
        try:
            found.append(metadata.distribution(name).metadata["Name"] and name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        raise InstallFailed(f"{name} is not installed. Run: pip install --force-reinstall ft-dcc") from error


def _minimum(name: str) -> Python:
    fields = _distribution(name).metadata
    found = _MINIMUM.search(fields["Requires-Python"] or "") if "Requires-Python" in fields else None
    return (int(found[1]), int(found[2])) if found else (3, 0)


def _pack_distribution(name: str, folder: Path) -> None:
    """Pack an installed distribution into a wheel, with Python sources in place of compiled modules."""
    distribution = _distribution(name)
    files = {PurePath(file): Path(str(file.locate())) for file in distribution.files or ()}
    included = {file: path for file, path in files.items() if _is_included(file, files, name)}
    missing = [str(file) for file, path in included.items() if not path.is_file()]
    if missing or not included:
        raise InstallFailed(f"{name} is incomplete. Run: pip install --force-reinstall {name}")
    is_program = name == _FFMPEG
    tag = _tag(distribution) if is_program else "py3-none-any"
    stem = re.sub(r"[-_.]+", "_", distribution.metadata["Name"])
    _write_wheel(folder / f"{stem}-{distribution.version}-{tag}.whl", name, distribution.version, included)


def _is_included(file: PurePath, files: Iterable[PurePath], package: str) -> bool:
    # Skip scripts, tests, caches and the metadata, which is written anew.
    if file.parts[0] in ("..", "tests") or "__pycache__" in file.parts or file.parts[0].endswith(".dist-info"):
        return False
    if file.suffix not in _COMPILED:
        return True
    source = file.with_name(f"{file.name.partition('.')[0]}.py")
    if "__mypyc" not in file.name and source not in files:
        raise InstallFailed(
            f"{package} has no Python source of {file.name}. Install its pure Python variant and try again."
        )
    return False


def _tag(distribution: metadata.Distribution) -> str:
    found = re.search(r"^Tag: (\S+)", distribution.read_text("WHEEL") or "", re.MULTILINE)
    return found[1] if found else "py3-none-any"


def _write_wheel(path: Path, name: str, version: str, files: dict[PurePath, Path]) -> None:
    info = f"{path.name.partition('-')[0]}-{version}.dist-info"
    tag = path.stem.split("-", 2)[2]
    metadata_files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: ft-dcc\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    names = [
        *sorted(target.as_posix() for target in files),
        *(f"{info}/{word}" for word in (*metadata_files, "RECORD")),
    ]
    metadata_files["RECORD"] = "".join(f"{name},,\n" for name in names)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for target, source in sorted(files.items()):
            is_program = os.access(source, os.X_OK) and source.suffix != ".py"
            archive.writestr(_zip_item(target.as_posix(), 0o755 if is_program else 0o644), source.read_bytes())
        for word, text in metadata_files.items():
            archive.writestr(_zip_item(f"{info}/{word}"), text)


def _zip_item(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    # A fixed time, so that the same files give the same wheel, byte for byte.
    item = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    item.external_attr = mode << 16
    return item


def _download(folder: Path, python: Python) -> None:
    """Download the packages for that Python with pip, pure Python only."""
    version = ".".join(map(str, python))
    pure = ("--platform", "any", "--implementation", "py", "--abi", "none", "--python-version", version)
    error = _pip_download(folder, *pure, *PACKAGES)
    if error is not None:
        minimum = ".".join(map(str, minimum_python()))
        raise InstallFailed(
            f"The packages here need Python {minimum}, the host has {version}, and pip could not download older ones: "
            f"{error} Run it with a network connection, or from an ft-dcc that is installed with Python {version}."
        )


def _pip_download(folder: Path, *arguments: str) -> str | None:
    """Download wheels with pip; return None, or the last line of its errors."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--dest", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    return last_line(done.stderr) if done.returncode else None


def last_line(text: str) -> str:
    """Return the last line of a program's errors, as a sentence."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") + "." if lines else "no error message."
