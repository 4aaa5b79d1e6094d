"""The documentation site builds without a warning and works without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from doubles.programs import run_process

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = run_process(*command, env=environment, cwd=ROOT)
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


def test_anchors_of_links_exist(site):
    pages = pages_of(site)
    ids = {page: set(re.findall(r'\b(?:id|name)="?([^"\s>]+)', text)) for page, text in pages.items()}
    broken = [
        (page.relative_to(site).as_posix(), link)
        for page, text in pages.items()
        for link in re.findall(r'href="?([^">\s]*#[^">\s]+)', text)
        if not re.match(r"https?:", link)
        and unquote(link.partition("#")[2])
        not in ids.get((page.parent / (link.partition("#")[0] or page.name)).resolve(), ())
    ]
    assert broken == []


def test_tables_code_blocks_and_links_of_each_page_are_built(site):
    differences = []
    for source in sorted((ROOT / "docs").rglob("*.md")):
        text = source.read_text(encoding="utf-8")
        built = site / source.relative_to(ROOT / "docs").with_suffix(".html")
        # Without the navigation, and without what is included from other files.
        if "--8<--" in text or not built.is_file():
            continue
        article = built.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
        fence = re.compile(r"^ *```.*?^ *```$", re.M | re.S)
        prose = re.sub(r"`[^`\n]*`", "", fence.sub("", text))
        written = {
            "<table": len(re.findall(r"^ *\|:?---[-:| ]*\|$", prose, re.M)),
            "<pre": len(fence.findall(text)),
            "<a ": len(re.findall(r"\]\((?!#)", prose)),
        }
        # Signatures of the API reference are code blocks, tables and links, too.
        made = {tag: article.count(tag) for tag in written}
        is_less = any(made[tag] < count for tag, count in written.items())
        if "<p>|" in article or is_less or ("\n::: " not in text and made["<table"] != written["<table"]):
            differences.append((source.relative_to(ROOT).as_posix(), written, made))
    assert differences == []


def test_reference_pages_are_those_of_the_code():
    # In a process of its own: other tests change what modules import, and with it the signatures.
    script = "import reference; print([page.name for page, text in reference.pages().items()"
    script += " if page.read_text(encoding='utf-8') != text])"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT / ".ci", capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "[]\n", "Run: python .ci/reference.py"


def test_api_reference_has_fields_and_arguments(site):
    pages = {
        page.stem: re.sub(r"<[^>]+>|\s+", " ", text)
        for page, text in pages_of(site).items()
        if page.parent.name == "api"
    }
    publish = (ROOT / "docs" / "api" / "publish.md").read_text(encoding="utf-8")
    for signature in ("Clip(frame_range, fps, resolution)", "Asset(id, name)", "Published(job, task, versions, "):
        assert signature in publish
    for name in ("slate_images", "watermark", "frame_range", "unfinished"):
        assert f" {name} " in pages["publish"]
    assert "auto_connect_event_hub : bool = False" in re.sub(" +", " ", pages["session"])


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
