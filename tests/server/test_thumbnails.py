from __future__ import annotations

import struct
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.server.errors import NotFound
from ft_dcc.server.storage.ffmpeg import find_ffmpeg
from ft_dcc.server.storage.media_store import MediaStore
from ft_dcc.server.storage.thumbnails import make_thumbnail

pytest.importorskip("imageio_ffmpeg")


def png(width: int, height: int, rgba: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    rows = (b"\0" + rgba * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def movie(path: Path) -> bytes:
    source = ["-f", "lavfi", "-i", "color=c=red:s=640x360:r=24:d=0.5", "-pix_fmt", "yuv420p", "-f", "mp4"]
    subprocess.run([find_ffmpeg(), "-y", "-loglevel", "error", *source, str(path)], check=True)
    return path.read_bytes()


def pixels(jpeg: bytes, tmp_path: Path) -> tuple[tuple[int, int], tuple[int, ...]]:
    """Return the size of a JPEG and the colour of its first pixel."""
    thumbnail, flat = tmp_path / "picture.jpg", tmp_path / "picture.ppm"
    thumbnail.write_bytes(jpeg)
    subprocess.run([find_ffmpeg(), "-y", "-loglevel", "error", "-i", str(thumbnail), str(flat)], check=True)
    _, size, _, content = flat.read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    return (width, height), tuple(content[:3])


def is_near(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 12 for a, b in zip(found, wanted))


@pytest.mark.parametrize(
    ("width", "height", "asked", "size"),
    [
        (1920, 1080, None, (300, 169)),
        (1920, 1080, 100, (100, 56)),
        (100, 500, 50, (10, 50)),
        (40, 20, 300, (40, 20)),
        (1000, 1000, 1, (16, 16)),
    ],
    ids=["usual", "small", "tall", "never larger", "never tiny"],
)
def test_thumbnail_fits_into_the_requested_size(http_client, tmp_path, width, height, asked, size):
    component_id = http_client.upload(png(width, height, b"\x20\x60\xa0\xff"), ".png")
    path = "/component/thumbnail" if asked is None else f"/component/thumbnail?size={asked}"
    got = http_client.get(path, component_id)
    assert got.headers["Content-Type"] == "image/jpeg"
    found, colour = pixels(got.content, tmp_path)
    assert found == size
    assert is_near(colour, (0x20, 0x60, 0xA0))


def test_thumbnail_of_a_movie_is_its_first_frame(http_client, tmp_path):
    component_id = http_client.upload(movie(tmp_path / "film.mp4"))
    size, colour = pixels(http_client.get("/component/thumbnail?size=64", component_id).content, tmp_path)
    assert size == (64, 36)
    assert is_near(colour, (254, 0, 0))


def test_transparent_pixels_become_grey(http_client, tmp_path):
    component_id = http_client.upload(png(32, 32, b"\xff\xff\xff\x00"), ".png")
    assert is_near(pixels(http_client.get("/component/thumbnail", component_id).content, tmp_path)[1], (48, 48, 48))


def test_new_upload_gets_a_new_thumbnail(http_client, tmp_path):
    component_id = http_client.upload(png(32, 32, b"\xff\x00\x00\xff"), ".png")
    http_client.get("/component/thumbnail", component_id)
    content = png(32, 32, b"\x00\x00\xff\xff")
    requests.put(http_client.announce(component_id, len(content))["url"], data=content, timeout=TIMEOUT_SECONDS)
    assert is_near(pixels(http_client.get("/component/thumbnail", component_id).content, tmp_path)[1], (0, 0, 254))


def test_thumbnail_url_needs_no_key(http_client, server_process, tmp_path):
    component_id = http_client.upload(png(640, 360, b"\x20\x60\xa0\xff"), ".png")
    files = MediaStore(tmp_path / "other", (server_process.data / "secret").read_bytes())
    got = requests.get(files.download_url(server_process.url, component_id, size=300), timeout=TIMEOUT_SECONDS)
    assert pixels(got.content, tmp_path)[0] == (300, 169)


@pytest.mark.parametrize(
    "content", [b"", b"geometry", b"\x89PNG\r\n\x1a\n", b"GIF89a"], ids=["empty", "text", "cut", "gif"]
)
def test_file_that_is_not_an_image_has_no_thumbnail(http_client, content):
    assert http_client.get("/component/thumbnail", http_client.upload(content, ".png")).status_code == 404


@pytest.mark.parametrize("size", ["x", "1e3", "", "10px"])
def test_invalid_thumbnail_size_is_rejected(http_client, size):
    assert http_client.get(f"/component/thumbnail?size={size}", http_client.upload(b"film")).status_code == 400


def test_thumbnails_are_removed_with_their_file(http_client, server_process):
    component_id = http_client.upload(png(32, 32, b"\xff\x00\x00\xff"), ".png")
    assert http_client.get("/component/thumbnail", component_id).status_code == 200
    before = len(list((server_process.data / "thumbnails").iterdir()))
    http_client.get("/component/remove", component_id)
    assert len(list((server_process.data / "thumbnails").iterdir())) == before - 1


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{path}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{path}'\n",
    "smil": '<smil><body><video src="file://{path}"/></body></smil>',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlist_does_not_expose_other_files(tmp_path, kind):
    private = tmp_path / "private.mp4"
    movie(private)
    source = tmp_path / "upload"
    source.write_text(PLAYLISTS[kind].format(path=private), "utf-8")
    with pytest.raises(NotFound):
        make_thumbnail(source, tmp_path / "thumbnails", 300)


def test_placeholder_image_of_the_javascript_client_exists(server_process):
    got = requests.get(f"{server_process.url}/img/thumbnail2.png", timeout=TIMEOUT_SECONDS)
    assert (got.status_code, got.headers["Content-Type"], got.content[:4]) == (200, "image/png", b"\x89PNG")


WAITING = """
import pathlib, time
from ft_dcc.server.storage import ffmpeg
def wait(*_):
    while not pathlib.Path({go_file!r}).exists():
        time.sleep(0.02)
ffmpeg.run_ffmpeg = wait
"""


def test_slow_thumbnails_do_not_block_other_requests(start_server, http_client_for, tmp_path):
    http_client = http_client_for(start_server(change=WAITING.format(go_file=str(tmp_path / "go"))))
    component_id = http_client.upload(b"film")
    with ThreadPoolExecutor(50) as page:
        thumbnails = [page.submit(http_client.get, "/component/thumbnail", component_id) for _ in range(50)]
        try:
            answers = [http_client.get("/component/get", component_id).content for _ in range(20)]
        finally:
            (tmp_path / "go").touch()
        assert answers == [b"film"] * 20
        assert {thumbnail.result().status_code for thumbnail in thumbnails} == {404}
