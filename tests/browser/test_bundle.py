"""Test that the committed page matches its sources, without Node, and the sources themselves, if Node is installed."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from doubles.programs import run_process
from run_options import TIMEOUT_SECONDS

ROOT = Path(__file__).resolve().parents[2]
WEB, STATIC = ROOT / "web", ROOT / "ft_dcc" / "server" / "static"
MANIFEST = json.loads((STATIC / "manifest.json").read_text("utf-8"))


def contents(path: Path) -> bytes:
    """Return the bytes of a file with LF line ends, for checkouts that convert them."""
    data = path.read_bytes()
    return data if path.suffix == ".woff2" else data.replace(b"\r\n", b"\n")


def _source_names() -> list[str]:
    return [path.relative_to(WEB).as_posix() for path in (WEB / "src").rglob("*") if path.is_file()]


def test_committed_page_matches_its_sources():
    names = ["build.mjs", "package-lock.json", *_source_names()]
    digest = hashlib.sha256()
    for name in sorted(names):
        text = contents(WEB / name)
        digest.update(f"{name} {len(text)}\n".encode())
        digest.update(text)
    assert MANIFEST["sources"] == digest.hexdigest(), "Run: npm --prefix web run build"


def test_committed_files_match_the_manifest():
    built = {path.name: hashlib.sha256(contents(path)).hexdigest() for path in STATIC.iterdir()}
    del built["manifest.json"]
    assert built == MANIFEST["files"]


def test_lock_file_contains_no_registry_address():
    packages = json.loads((WEB / "package-lock.json").read_text("utf-8"))["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_page_contains_no_external_url():
    for path in STATIC.iterdir():
        if path.suffix in (".html", ".css", ".js"):
            # The names of XML namespaces are not requested.
            text = re.sub(r"http://www\.w3\.org/(2000/svg|1999/xhtml|1998/Math/MathML)", "", path.read_text("utf-8"))
            assert "http://" not in text and "https://" not in text, path.name


def test_sources_pass_their_unit_tests():
    npm = shutil.which("npm")
    if npm is None or not (WEB / "node_modules").is_dir():
        pytest.skip("the tools of the page are not installed: npm --prefix web ci")
    done = run_process(npm, "--prefix", WEB, "test", timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
