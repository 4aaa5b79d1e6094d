"""Build the Blender add-on: ``python hosts/blender/build_extension.py [--platform linux-x64] [--to dist]``.

It writes two zip files: the extension for Blender 4.2 and later, with all of its dependencies as wheels, and the
classic add-on for 3.4 to 4.1, with the same packages unpacked. A build for one platform contains ffmpeg; a build
without a platform is small, runs everywhere, and uses the system's ffmpeg.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from ft_dcc.files.atomic import temporary_folder
from ft_dcc.system import child_process

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
# The add-on itself, and the adapters of other programs.
_NOT_VENDORED = ("ft_dcc_blender/", "ft_dcc_maya/", "ft_dcc_nuke/", "ft_dcc_qt/")
# The oldest Python that must accept the wheels: Blender 3.4 has 3.10.
PYTHON = "3.10"
# keyring and its dependencies on Windows and macOS, listed one by one: those on Linux are not pure Python.
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
    """Put every wheel of the add-on into the folder: our own, its dependencies, and a platform's ffmpeg."""
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    ours = next(folder.glob("ft_dcc-*.whl"))
    pure = ("--platform", "any", "--implementation", "py", "--abi", "none", "--python-version", PYTHON)
    _download(folder, *pure, str(ours))
    _download(folder, *pure, "--no-deps", *KEYRING)
    if platform is not None:
        tags = [argument for tag in PLATFORMS[platform] for argument in ("--platform", tag)]
        _download(folder, *tags, "--no-deps", "--constraint", str(CONSTRAINTS), "imageio-ffmpeg")
    # Qt and its type stubs are for the dialog of other programs.
    return sorted(
        wheel for wheel in folder.glob("*.whl") if not wheel.name.lower().startswith(("qt_", "qt.", "types_"))
    )


def write_extension(path: Path, wheels: Sequence[Path], platform: str | None) -> Path:
    """Write the zip file of an extension, as Blender 4.2 and later install it."""
    manifest = (PACKAGE / "blender_manifest.toml").read_text(encoding="utf-8")
    names = "".join(f'  "./wheels/{wheel.name}",\n' for wheel in wheels)
    platform_lines = f"wheels = [\n{names}]\n" + (f'platforms = ["{platform}"]\n' if platform else "")
    # These keys belong to the top level of the file, which ends where the table of permissions begins.
    head, table, permissions = manifest.partition("\n[permissions]")
    with zipfile.ZipFile(path, "w") as archive:
        _add_file(archive, "blender_manifest.toml", f"{head}\n{platform_lines}{table}{permissions}".encode())
        for name, content in _source_files():
            _add_file(archive, name, content)
        for wheel in wheels:
            _add_file(archive, f"wheels/{wheel.name}", wheel.read_bytes(), zipfile.ZIP_STORED)
    return path


def write_classic(path: Path, wheels: Sequence[Path]) -> Path:
    """Write the zip file of an add-on for Blender 3.4 to 4.1, with the wheels unpacked into ``vendored``."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in _source_files():
            # Blender before 4.2 imports an add-on by the name of its folder, which must differ from the core's.
            _add_file(archive, f"{PACKAGE.name}/{name}", content)
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as packed:
                for item in packed.infolist():
                    # The add-on is this package itself; a second copy could be imported by mistake.
                    if not item.is_dir() and not item.filename.startswith(_NOT_VENDORED):
                        _add_file(archive, f"{PACKAGE.name}/vendored/{item.filename}", packed.read(item))
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both zip files and print their paths."""
    parser = argparse.ArgumentParser(description="Build the Blender add-on.")
    parser.add_argument("--platform", choices=sorted(PLATFORMS), help="include the ffmpeg of this platform")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="folder for the zip files")
    options = parser.parse_args(arguments)
    options.to.mkdir(parents=True, exist_ok=True)
    with temporary_folder() as folder:
        wheels = collect_wheels(folder, options.platform)
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
    result = child_process.run(command, capture_output=True, encoding="utf-8")
    if result.returncode:
        raise SystemExit(f"pip {arguments[0]} failed:\n{result.stderr}")


def _download(folder: Path, *arguments: str) -> None:
    _pip("download", "--only-binary=:all:", "--dest", str(folder), *arguments)


def _source_files() -> Iterable[tuple[str, bytes]]:
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix == ".py" or path.name == "LICENSE":
            yield path.relative_to(PACKAGE).as_posix(), path.read_bytes()


def _add_file(archive: zipfile.ZipFile, name: str, content: bytes, compression: int = zipfile.ZIP_DEFLATED) -> None:
    # A fixed time, so that the same sources give the same zip, byte for byte.
    item = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    item.external_attr = 0o644 << 16
    archive.writestr(item, content, compression)


if __name__ == "__main__":
    raise SystemExit(main())
