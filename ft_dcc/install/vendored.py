"""What an installation brings along: the suite and all that it imports, as pure Python.

It is packed from where the suite itself is installed, so that no network is needed. Only where a host's Python is too
old for those packages are older ones fetched, by pip.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path, PurePath

from ft_dcc.errors import InstallFailed
from ft_dcc.install.programs import Python
from ft_dcc.local_studio import INSTALLED_BY

# Everything that the core's requirements lead to; a test compares.
PACKAGES = (
    *("attrs", "certifi", "charset-normalizer", "clique", "filelock", "idna", "platformdirs", "pyblish-base"),
    *("Qt.py", "requests", "tomli", "urllib3", "websocket-client"),
)
# What packages for older Pythons ask for; brought if it is here.
_WELCOME = ("typing-extensions",)
# Its ffmpeg is a program of this system, whatever the Python.
_FFMPEG = "imageio-ffmpeg"

_COMPILED = (".so", ".pyd", ".dylib")
_MINIMUM = re.compile(r">=\s*(\d+)\.(\d+)")


def release() -> str:
    """Return the version of the suite."""
    return metadata.version("ft-dcc")


def package_folder(name: str) -> Path:
    """Return where a package of ours lies, importing nothing; raises InstallFailed when it is not installed."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise InstallFailed(f"{name} is not part of this installation. Run: pip install --force-reinstall ft-dcc")
    return Path(found.origin).parent


def has_package(name: str) -> bool:
    """Whether a package of ours is installed here."""
    return importlib.util.find_spec(name) is not None


def needed_python() -> Python:
    """Return the oldest Python that takes the packages as they are installed here."""
    return max(map(_minimum, (*PACKAGES, *_installed(_WELCOME))))


def make_wheels(folder: Path, python: Python, *, with_ffmpeg: bool) -> list[Path]:
    """Wheels of the suite and of all that it imports lie in the folder, fit for this Python; raises InstallFailed."""
    if needed_python() <= python:
        for name in (*PACKAGES, *_installed(_WELCOME)):
            _pack_distribution(name, folder)
    else:
        _fetch(folder, python)
    for name in _installed((_FFMPEG,) if with_ffmpeg else ()):
        _pack_distribution(name, folder)
    files = {PurePath(path.relative_to(package_folder("ft_dcc").parent)): path for path in sources("ft_dcc")}
    note = folder / INSTALLED_BY
    note.write_text(sys.executable, encoding="utf-8")
    files[PurePath("ft_dcc", INSTALLED_BY)] = note
    _write_wheel(folder / f"ft_dcc-{release()}-py3-none-any.whl", "ft-dcc", release(), files)
    # Qt.py asks for types of PySide, which no program reads.
    return sorted(wheel for wheel in folder.glob("*.whl") if not wheel.name.startswith("types_"))


def sources(name: str) -> Iterable[Path]:
    """Every file of a package of ours, without what Python made of it."""
    for path in sorted(package_folder(name).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def unpack(wheels: Iterable[Path], folder: Path) -> None:
    """What is in the wheels can be imported from the folder; what was a program is one again."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as packed:
            for item in packed.infolist():
                # pyblish-base's own tests would hide a package "tests" of the artist's.
                if not item.filename.startswith("tests/"):
                    path = Path(packed.extract(item, folder))
                    mode = item.external_attr >> 16 & 0o777
                    if mode & 0o100:
                        path.chmod(mode)


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
        raise InstallFailed(f"{name} is missing here. Run: pip install --force-reinstall ft-dcc") from error


def _minimum(name: str) -> Python:
    found = _MINIMUM.search(_distribution(name).metadata["Requires-Python"] or "")
    return (int(found[1]), int(found[2])) if found else (3, 0)


def _pack_distribution(name: str, folder: Path) -> None:
    """Pack what is installed into a wheel; what was compiled for this Python stays here, its source goes."""
    distribution = _distribution(name)
    files = {PurePath(file): Path(str(file.locate())) for file in distribution.files or ()}
    wanted = {file: path for file, path in files.items() if _is_wanted(file, files, name)}
    lacking = [str(file) for file, path in wanted.items() if not path.is_file()]
    if lacking or not wanted:
        raise InstallFailed(f"{name} is not whole here. Run: pip install --force-reinstall {name}")
    is_program = name == _FFMPEG
    tag = _tag(distribution) if is_program else "py3-none-any"
    stem = re.sub(r"[-_.]+", "_", distribution.metadata["Name"])
    _write_wheel(folder / f"{stem}-{distribution.version}-{tag}.whl", name, distribution.version, wanted)


def _is_wanted(file: PurePath, files: Iterable[PurePath], package: str) -> bool:
    # A command beside the packages, what Python made of them, and the facts, which are written anew.
    if file.parts[0] in ("..", "tests") or "__pycache__" in file.parts or file.parts[0].endswith(".dist-info"):
        return False
    if file.suffix not in _COMPILED:
        return True
    source = file.with_name(f"{file.name.partition('.')[0]}.py")
    if "__mypyc" not in file.name and source not in files:
        raise InstallFailed(f"{package} has no Python source of {file.name}. Install its pure form, and try again.")
    return False


def _tag(distribution: metadata.Distribution) -> str:
    found = re.search(r"^Tag: (\S+)", distribution.read_text("WHEEL") or "", re.MULTILINE)
    return found[1] if found else "py3-none-any"


def _write_wheel(path: Path, name: str, version: str, files: dict[PurePath, Path]) -> None:
    facts = f"{path.name.partition('-')[0]}-{version}.dist-info"
    tag = path.stem.split("-", 2)[2]
    words = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: ft-dcc\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    names = [*sorted(target.as_posix() for target in files), *(f"{facts}/{word}" for word in (*words, "RECORD"))]
    words["RECORD"] = "".join(f"{name},,\n" for name in names)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for target, source in sorted(files.items()):
            is_program = os.access(source, os.X_OK) and source.suffix != ".py"
            archive.writestr(_item(target.as_posix(), 0o755 if is_program else 0o644), source.read_bytes())
        for word, text in words.items():
            archive.writestr(_item(f"{facts}/{word}"), text)


def _item(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    # The same files give the same wheel, byte for byte: no time of day in it.
    item = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    item.external_attr = mode << 16
    return item


def _fetch(folder: Path, python: Python) -> None:
    """Have pip bring the packages as that Python needs them, pure ones only."""
    version = ".".join(map(str, python))
    pure = ("--platform", "any", "--implementation", "py", "--abi", "none", "--python-version", version)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", *pure, "--dest", str(folder), *PACKAGES]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        needed = ".".join(map(str, needed_python()))
        raise InstallFailed(
            f"The packages here need Python {needed}, the host has {version}, and pip could not fetch older ones: "
            f"{_last_line(done.stderr)} Run it with a network, or from an ft-dcc installed with Python {version}."
        )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") + "." if lines else "it gave no reason."
