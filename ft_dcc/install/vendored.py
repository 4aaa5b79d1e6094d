"""The packages of an installation: the suite and its dependencies, as pure Python.

They are packed from this environment, so no network is needed. Only for a host whose Python is too old for these
packages, pip downloads older ones.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path, PurePath

from ft_dcc.accounts.local_server import INSTALLED_BY
from ft_dcc.errors import InstallFailed
from ft_dcc.install.host_discovery import Python, run_program

# The dependencies of the core, direct and indirect; a test compares them with the metadata.
PACKAGES = (
    *("attrs", "certifi", "charset-normalizer", "clique", "filelock", "idna", "platformdirs", "pyblish-base"),
    *("Qt.py", "requests", "tomli", "urllib3", "websocket-client"),
)
# Dependencies of packages for older Pythons; included if installed.
_OPTIONAL = ("typing-extensions",)
# Contains ffmpeg as a program for this system, for any Python. Its own licence is BSD; that of the program is the GPL,
# version 3 or later, whose text the Blender add-on has, too.
_FFMPEG = "imageio-ffmpeg"
_FFMPEG_LICENCE = PurePath("imageio_ffmpeg", "LICENSE-ffmpeg-GPL-3.0.txt")
_LICENCE_NAME = re.compile(r"licen[cs]e|copying|notice|authors", re.IGNORECASE)


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
    minimum: Python = (3, 0)
    for name in (*PACKAGES, *_installed(_OPTIONAL)):
        requirement = "".join(_distribution(name).metadata.get_all("Requires-Python", []))
        found = re.search(r">=\s*(\d+)\.(\d+)", requirement)
        minimum = max(minimum, (int(found[1]), int(found[2])) if found else minimum)
    return minimum


def make_wheels(folder: Path, python: Python, *, with_ffmpeg: bool, is_for_this_machine: bool = True) -> list[Path]:
    """Write wheels of the suite and its dependencies for this Python into the folder; raise InstallFailed.

    Wheels for this machine contain the path of this Python, which then starts the local studio.
    """
    minimum = minimum_python()
    if minimum <= python:
        for name in (*PACKAGES, *_installed(_OPTIONAL)):
            _pack_distribution(name, folder)
    else:
        version = ".".join(map(str, python))
        pure = ("--platform", "any", "--implementation", "py", "--abi", "none", "--python-version", version)
        error = _pip_download(folder, *pure, *PACKAGES)
        if error is not None:
            raise InstallFailed(
                f"The packages here need Python {minimum[0]}.{minimum[1]}, the host has {version}, and pip could not "
                f"download older ones: {error} Run it with a network connection, or from an ft-dcc that is installed "
                f"with Python {version}."
            )
    for name in _installed((_FFMPEG,) if with_ffmpeg else ()):
        _pack_distribution(name, folder)
    home = package_folder("ft_dcc")
    files = {PurePath(path.relative_to(home.parent)): path for path in files_in(home)}
    if is_for_this_machine:
        marker = folder / INSTALLED_BY
        marker.write_text(sys.executable, encoding="utf-8")
        files[PurePath("ft_dcc", INSTALLED_BY)] = marker
    wheel = folder / f"ft_dcc-{release()}-py3-none-any.whl"
    _write_wheel(wheel, "ft-dcc", release(), {**files, **_licences("ft-dcc", wheel)})
    # Qt.py depends on type stubs of PySide, which no program needs.
    return sorted(wheel for wheel in folder.glob("*.whl") if not wheel.name.startswith("types_"))


def make_ffmpeg_wheel(folder: Path, platforms: Sequence[str], *, is_own_system: bool) -> Path:
    """Write the wheel with ffmpeg for a system, own or downloaded with pip, into the folder; raise InstallFailed."""
    if is_own_system and _installed((_FFMPEG,)):
        _pack_distribution(_FFMPEG, folder)
    else:
        tags = [argument for platform in platforms for argument in ("--platform", platform)]
        # A version that supports the oldest Python of a host.
        error = _pip_download(folder, *tags, "--python-version", "3.9", "--no-deps", _FFMPEG)
        if error is not None:
            raise InstallFailed(f"pip could not download {_FFMPEG}: {error}")
    return next(folder.glob("imageio_ffmpeg-*.whl"))


def files_in(folder: Path) -> list[Path]:
    """Return the files below a folder, without ``__pycache__``."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def copy_package(name: str, folder: Path, *, without: str = "") -> None:
    """Copy a package of the suite into the folder, without one of its parts."""
    home = package_folder(name)
    for source in files_in(home):
        path = source.relative_to(home)
        if path.parts[0] != without:
            target = folder / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def unpack(wheels: Iterable[Path], folder: Path) -> None:
    """Unpack the wheels into a folder for imports, with the modes of executable files and the licence of ffmpeg."""
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
    if (folder / _FFMPEG_LICENCE.parent).is_dir():
        shutil.copyfile(package_folder("ft_dcc_blender") / "LICENSE", folder / _FFMPEG_LICENCE)


def _installed(names: Sequence[str]) -> list[str]:
    return [name for name in names if any(metadata.Distribution.discover(name=name))]


def _distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        raise InstallFailed(f"{name} is not installed. Run: pip install --force-reinstall ft-dcc") from error


def _pack_distribution(name: str, folder: Path) -> None:
    """Pack an installed distribution into a wheel, with Python sources in place of compiled modules."""
    distribution = _distribution(name)
    files = {PurePath(file): Path(str(file.locate())) for file in distribution.files or ()}
    included = {file: path for file, path in files.items() if _is_included(file, files, name)}
    missing = [str(file) for file, path in included.items() if not path.is_file()]
    if missing or not included:
        raise InstallFailed(f"{name} is incomplete. Run: pip install --force-reinstall {name}")
    found = re.search(r"^Tag: (\S+)", distribution.read_text("WHEEL") or "", re.MULTILINE)
    tag = found[1] if found and name == _FFMPEG else "py3-none-any"
    stem = re.sub(r"[-_.]+", "_", distribution.metadata["Name"])
    wheel = folder / f"{stem}-{distribution.version}-{tag}.whl"
    _write_wheel(wheel, name, distribution.version, {**included, **_licences(name, wheel)})


def _licences(name: str, wheel: Path) -> dict[PurePath, Path]:
    """Return the licence texts of a distribution by their paths in its wheel."""
    return {
        PurePath(_info_folder(wheel), *file.parts[1:]): Path(str(file.locate()))
        for file in _distribution(name).files or ()
        if file.parts[0].endswith(".dist-info") and _LICENCE_NAME.search(file.name)
    }


def _info_folder(wheel: Path) -> str:
    return "-".join(wheel.name.split("-")[:2]) + ".dist-info"


def _is_included(file: PurePath, files: Iterable[PurePath], package: str) -> bool:
    # Skip scripts, tests, caches and the metadata, which is written anew.
    if file.parts[0] in ("..", "tests") or "__pycache__" in file.parts or file.parts[0].endswith(".dist-info"):
        return False
    if file.suffix not in (".so", ".pyd", ".dylib"):
        return True
    source = file.with_name(f"{file.name.partition('.')[0]}.py")
    if "__mypyc" not in file.name and source not in files:
        raise InstallFailed(
            f"{package} has no Python source of {file.name}. Install its pure Python variant and try again."
        )
    return False


def _write_wheel(path: Path, name: str, version: str, files: dict[PurePath, Path]) -> None:
    info = _info_folder(path)
    tag = path.stem.split("-", 2)[2]
    metadata_files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: ft-dcc\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    names = sorted(target.as_posix() for target in files)
    names += [f"{info}/{word}" for word in (*metadata_files, "RECORD")]
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


def _pip_download(folder: Path, *arguments: str) -> str | None:
    """Download wheels with pip; return None, or the last line of its errors."""
    options = ("--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--dest", str(folder))
    done = run_program(sys.executable, "-m", "pip", "download", *options, *arguments, timeout=None)
    return last_line(done.stderr) if done.returncode else None


def last_line(text: str) -> str:
    """Return the last line of a program's errors, as a sentence."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") + "." if lines else "no error message."
