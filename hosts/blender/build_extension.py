"""Build the add-on: ``python hosts/blender/build_extension.py [--platform linux-x64] [--to dist]``.

Two zips come out: the extension for Blender 4.2 and later, with everything that it imports as wheels inside, and the
classic add-on for 3.4 to 4.1, with the same unpacked beside it. A platform brings its ffmpeg along; without one the
zips are small, run everywhere, and use the ffmpeg of the system.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(__file__).with_name("ft_dcc_blender")
CONSTRAINTS = ROOT / "constraints.txt"

# Blender's names for platforms, and the tags that wheels carry for them.
PLATFORMS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_12_0_arm64", "macosx_11_0_arm64"),
    "macos-x64": ("macosx_12_0_x86_64", "macosx_11_0_x86_64"),
}
# The oldest Python that must take the wheels: Blender 3.4 has 3.10.
PYTHON = "3.10"
# keyring and what it needs on Windows and macOS, named one by one: its Linux part is not pure Python.
KEYRING = (
    "keyring",
    "jaraco.classes",
    "jaraco.context",
    "jaraco.functools",
    "more-itertools",
    "importlib_metadata",
    "zipp",
    "backports.tarfile",
    "pywin32-ctypes",
)


def collect_wheels(folder: Path, platform: str | None) -> list[Path]:
    """Every wheel that the add-on needs lies in the folder: ours, what it imports, and a platform's ffmpeg."""
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    ours = next(folder.glob("ft_dcc-*.whl"))
    pure = ("--platform", "any", "--implementation", "py", "--abi", "none", "--python-version", PYTHON)
    _download(folder, *pure, str(ours))
    _download(folder, *pure, "--no-deps", *KEYRING)
    if platform is not None:
        tags = [word for tag in PLATFORMS[platform] for word in ("--platform", tag)]
        _download(folder, *tags, "--no-deps", "--constraint", str(CONSTRAINTS), "imageio-ffmpeg")
    return sorted(folder.glob("*.whl"))


def write_extension(path: Path, wheels: Sequence[Path], platform: str | None) -> Path:
    """The zip is an extension as Blender 4.2 installs it."""
    manifest = (PACKAGE / "blender_manifest.toml").read_text(encoding="utf-8")
    names = "".join(f'  "./wheels/{wheel.name}",\n' for wheel in wheels)
    facts = f"wheels = [\n{names}]\n" + (f'platforms = ["{platform}"]\n' if platform else "")
    # A table, and so the permissions, ends the part of the file in which these may stand.
    head, table, permissions = manifest.partition("\n[permissions]")
    with _archive(path) as archive:
        _write(archive, "blender_manifest.toml", f"{head}\n{facts}{table}{permissions}".encode())
        for name, content in _sources():
            _write(archive, name, content)
        for wheel in wheels:
            _write(archive, f"wheels/{wheel.name}", wheel.read_bytes(), zipfile.ZIP_STORED)
    return path


def write_classic(path: Path, wheels: Sequence[Path]) -> Path:
    """The zip is an add-on as Blender 3.4 to 4.1 installs it; the wheels are unpacked into ``vendored``."""
    with _archive(path) as archive:
        for name, content in _sources():
            # Blender before 4.2 imports an add-on by the name of its folder: it must not be the core's.
            _write(archive, f"{PACKAGE.name}/{name}", content)
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as packed:
                for item in packed.infolist():
                    # We are the package itself; a second copy would only be found by mistake.
                    if not item.is_dir() and not item.filename.startswith("ft_dcc_blender/"):
                        _write(archive, f"{PACKAGE.name}/vendored/{item.filename}", packed.read(item))
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both zips and print where they are."""
    parser = argparse.ArgumentParser(description="Build the Blender add-on.")
    parser.add_argument("--platform", choices=sorted(PLATFORMS), help="bring the ffmpeg of this platform along")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="folder for the zips")
    options = parser.parse_args(arguments)
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        wheels = collect_wheels(Path(folder), options.platform)
        version = next(wheel.name.split("-")[1] for wheel in wheels if wheel.name.startswith("ft_dcc-"))
        name = "-".join(filter(None, ("ft_dcc_blender", version, options.platform)))
        for path in (
            write_extension(options.to / f"{name}.zip", wheels, options.platform),
            write_classic(options.to / f"{name}-classic.zip", wheels),
        ):
            sys.stdout.write(f"{path}\n")
    return 0


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise SystemExit(f"pip {arguments[0]} failed:\n{done.stderr}")


def _download(folder: Path, *arguments: str) -> None:
    _pip("download", "--only-binary=:all:", "--dest", str(folder), *arguments)


def _sources() -> Iterable[tuple[str, bytes]]:
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix == ".py" or path.name == "LICENSE":
            yield path.relative_to(PACKAGE).as_posix(), path.read_bytes()


def _archive(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)


def _write(archive: zipfile.ZipFile, name: str, content: bytes, compression: int = zipfile.ZIP_DEFLATED) -> None:
    # The same sources give the same zip, byte for byte: no time of day in it.
    item = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    item.external_attr = 0o644 << 16
    archive.writestr(item, content, compression)


if __name__ == "__main__":
    raise SystemExit(main())
