"""The page that is committed is the one that its sources make; no Node is needed to know."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEB, STATIC = ROOT / "web", ROOT / "ft_dcc" / "server" / "static"
MANIFEST = json.loads((STATIC / "manifest.json").read_text("utf-8"))


def contents(path: Path) -> bytes:
    """Return the bytes of a file as they are with one kind of line end, whatever the checkout made of it."""
    data = path.read_bytes()
    return data if path.suffix == ".woff2" else data.replace(b"\r\n", b"\n")


def test_the_committed_page_was_built_from_these_sources():
    names = ["build.mjs", "package-lock.json", *(f"src/{path.name}" for path in (WEB / "src").iterdir())]
    digest = hashlib.sha256()
    for name in sorted(names):
        text = contents(WEB / name)
        digest.update(f"{name} {len(text)}\n".encode())
        digest.update(text)
    assert MANIFEST["sources"] == digest.hexdigest(), "Run: npm --prefix web run build"


def test_the_committed_files_are_the_built_ones():
    built = {path.name: hashlib.sha256(contents(path)).hexdigest() for path in STATIC.iterdir()}
    del built["manifest.json"]
    assert built == MANIFEST["files"]


def test_the_lock_file_names_no_registry():
    packages = json.loads((WEB / "package-lock.json").read_text("utf-8"))["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_nothing_on_the_page_comes_from_elsewhere():
    for path in STATIC.iterdir():
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            assert "http://" not in text and "https://" not in text, path.name
