"""The documentation site builds without a warning and works without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def pages_of(site: Path) -> dict[Path, str]:
    # 404.html is made for the root of a web server, and its addresses begin there.
    return {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html") if page.name != "404.html"}


def test_pages_load_nothing_from_other_servers(site):
    loading = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=\"?(?:https?:)?//[^\">]*")
    assert {found for text in pages_of(site).values() for found in loading.findall(text)} == set()


def test_links_lead_to_files_of_the_site(site):
    broken = [
        (page.relative_to(site).as_posix(), link)
        for page, text in pages_of(site).items()
        for link in re.findall(r'(?:href|src)="?([^"#>\s]+)', text)
        if not re.match(r"https?:|data:|mailto:", link) and not (page.parent / link).exists()
    ]
    assert broken == []


def test_api_reference_has_the_public_surface(site):
    pages = {page.name: text for page, text in pages_of(site).items() if page.parent.name == "api"}
    expected = {
        "host.html": ["ft_dcc.host.Host.playblast", "ft_dcc.frames.FrameRange"],
        "publish.html": ["ft_dcc.publish.publisher.publish", "ft_dcc.publish.models.PublishRequest"],
        "session.html": ["ft_dcc.session.session.Session.commit", "ft_dcc.session.query.expression.find"],
        "errors.html": ["ft_dcc.errors.ValueMismatch"],
    }
    missing = [name for page, names in expected.items() for name in names if f'id="{name}"' not in pages[page]]
    assert missing == []
