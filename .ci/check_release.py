"""Check the built packages in a clean environment: ``python .ci/check_release.py dist``.

The wheel and the sdist are installed into new virtual environments outside of the checkout. With each, a studio server
is started, frames are published, and the review page of the publish is fetched. The extension archives must be whole
and contain the manifest, the wheels and the add-on. The bill of materials, which lists the packages of Python, gets
those of the page, the fonts and ffmpeg. Exit code 1 and a sentence if something is wrong.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
import venv
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = "cli,media,server"
TASK = "Release/SQ010/SH010/Animation"
START_TIMEOUT_SECONDS = 120


def main() -> int:
    """Check every package in the folder named on the command line."""
    folder = Path(sys.argv[1]).resolve()
    (wheel,) = folder.glob("ft_dcc-*.whl")
    (sdist,) = folder.glob("ft_dcc-*.tar.gz")
    extensions = sorted(folder.glob("ft_dcc_blender-*.zip"))
    if not extensions:
        raise SystemExit(f"{folder} contains no extension archive.")
    run([sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist)])
    for archive in extensions:
        check_extension(archive)
    ffmpeg = ""
    for package in (wheel, sdist):
        with tempfile.TemporaryDirectory(prefix="ft-dcc-release-") as name:
            ffmpeg = check_package(package, Path(name))
    bill = folder / "ft-dcc.cdx.json"
    bill.write_text(json.dumps(complete_bill(json.loads(bill.read_text("utf-8")), ffmpeg), indent=2), "utf-8")
    print(f"{wheel.name}, {sdist.name} and {len(extensions)} extension archives are complete and work.")
    return 0


def complete_bill(bill: dict[str, Any], ffmpeg: str) -> dict[str, Any]:
    """Add to a CycloneDX document what a package of Python contains: the page's packages, the fonts and ffmpeg."""
    page = json.loads((ROOT / "ft_dcc" / "server" / "static" / "manifest.json").read_text("utf-8"))["packages"]
    named = {f"pkg:npm/{name.replace('@', '%40')}": (name, facts) for name, facts in page.items()}
    # The table of names of a font is in UTF-16.
    font = (ROOT / "ft_dcc" / "media" / "fonts" / "DejaVuSans.ttf").read_bytes().replace(b"\0", b"")
    found = re.search(rb"Version (\d[\d.]*)", font), re.search(r"^ffmpeg version (\S+)", ffmpeg)
    if found[0] is None or found[1] is None:
        raise SystemExit("The version of the font or of ffmpeg cannot be read, so the bill of materials lacks it.")
    dejavu = {"version": found[0][1].decode(), "license": "Bitstream-Vera"}
    named["pkg:generic/dejavu-sans"] = ("DejaVu Sans", dejavu)
    named["pkg:generic/ffmpeg"] = ("ffmpeg", {"version": found[1][1], "license": "GPL-3.0-or-later"})
    components = [
        {
            "type": "application" if name == "ffmpeg" else "library",
            "bom-ref": f"{identifier}@{facts['version']}",
            "purl": f"{identifier}@{facts['version']}",
            "name": name,
            "version": facts["version"],
            "licenses": [{"license": {"id": facts["license"]}}],
        }
        for identifier, (name, facts) in named.items()
    ]
    return {**bill, "components": [*bill["components"], *components]}


def run(command: list[str], **options: object) -> str:
    """Run a command and return its output; stop with its error output if it fails."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}:\n{done.stdout}{done.stderr}")
    return str(done.stdout)


def check_extension(archive: Path) -> None:
    """Check that the archive is whole and contains what its kind of installation needs."""
    with zipfile.ZipFile(archive) as packed:
        if damaged := packed.testzip():
            raise SystemExit(f"{archive.name}: {damaged} is damaged.")
        names = packed.namelist()
        if archive.stem.endswith("-classic"):
            needed = ["ft_dcc_blender/__init__.py", "ft_dcc_blender/vendored/ft_dcc/__init__.py"]
        else:
            manifest = packed.read("blender_manifest.toml").decode()
            needed = ["__init__.py", *(wheel[2:] for wheel in re.findall(r'"(\./wheels/[^"]+)"', manifest))]
    if missing := [name for name in needed if name not in names]:
        raise SystemExit(f"{archive.name} lacks {', '.join(missing)}.")


def check_package(package: Path, folder: Path) -> str:
    """Install the package into a new environment and publish with it; return what its ffmpeg says of its version."""
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    requirement = f"ft-dcc[{EXTRAS}] @ {package.as_uri()}"
    run([str(programs / "python"), "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), requirement])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FT", "PYTHON"))}
    environment["FT_DCC_JOBS"] = str(folder / "jobs")
    serve = [str(programs / "ft-dcc"), "serve", "--data", str(folder / "studio")]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, encoding="utf-8", env=environment, cwd=folder) as server:
        try:
            assert server.stdout is not None
            lines = [server.stdout.readline().strip() for _ in range(3)]
            environment.update(line.removeprefix("export ").split("=", 1) for line in lines)
            return publish(programs, folder, environment)
        finally:
            server.terminate()


def publish(programs: Path, folder: Path, environment: dict[str, str]) -> str:
    """Publish test frames and fetch the review page of the publish; return the version of ffmpeg."""
    find = "from ft_dcc.media import ffmpeg; print(ffmpeg.find())"
    ffmpeg = run([str(programs / "python"), "-c", find], env=environment, cwd=folder).strip()
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24", "-frames:v", "5", "-start_number", "1001"]
    run([ffmpeg, "-v", "error", *source, str(folder / "sh010.%04d.png")])
    ft_dcc = str(programs / "ft-dcc")
    run([ft_dcc, "task", "ensure", TASK, "--frames", "1001-1005", "--fps", "24"], env=environment, cwd=folder)
    options = ["--task", TASK, "--review", "Dailies", "--json"]
    report = run([ft_dcc, "publish", str(folder / "sh010.%04d.png"), *options], env=environment, cwd=folder)
    link = re.search(r'"link": "([^"]+)"', report)
    if link is None:
        raise SystemExit(f"The publish returned no link:\n{report}")
    with urllib.request.urlopen(link[1], timeout=START_TIMEOUT_SECONDS) as page:  # noqa: S310  a server of this process
        if page.status != 200:
            raise SystemExit(f"{link[1]} answers {page.status}.")
    return run([ffmpeg, "-version"])


if __name__ == "__main__":
    raise SystemExit(main())
