"""Thumbnails and the peaks of the sound of components, made of real files."""

import struct
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.server.errors import NotFound
from ft_dcc.server.storage.derived_media import PEAKS_PER_SECOND, find_ffmpeg, make_thumbnail, make_waveform
from ft_dcc.server.storage.media_store import MediaStore
from ft_dcc.server.work.budgets import Owner
from ft_dcc.server.work.queue import Work

pytest.importorskip("imageio_ffmpeg")

RUN = Work("thumbnail", Owner(), lambda _work: None, TIMEOUT_SECONDS).run


def png(width: int, height: int, rgba: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    rows = (b"\0" + rgba * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def make_movie(path, *sound, seconds=0.1):
    image = ["-f", "lavfi", "-i", f"color=c=red:s=64x36:r=24:d={seconds}"]
    command = [find_ffmpeg(), "-y", "-loglevel", "error", *image, *sound, "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, check=True)
    return path


def pixels(jpeg, tmp_path):
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
    [(640, 360, None, (300, 169)), (100, 500, 50, (10, 50)), (40, 20, 300, (40, 20)), (100, 100, 1, (16, 16))],
    ids=["usual", "tall", "never larger", "never tiny"],
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
    component_id = http_client.upload(make_movie(tmp_path / "film.mp4").read_bytes())
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


@pytest.mark.parametrize("content", [b"geometry", b"\x89PNG\r\n\x1a\n"], ids=["text", "cut"])
def test_file_that_is_not_an_image_has_no_thumbnail(http_client, content):
    assert http_client.get("/component/thumbnail", http_client.upload(content, ".png")).status_code == 404


@pytest.mark.parametrize("size", ["1e3", ""])
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
    private = make_movie(tmp_path / "private.mp4")
    source = tmp_path / "upload"
    source.write_text(PLAYLISTS[kind].format(path=private), "utf-8")
    with pytest.raises(NotFound):
        make_thumbnail(source, tmp_path / "thumbnails" / "1-300.jpg", RUN)


def test_placeholder_image_of_the_javascript_client_exists(server_process):
    got = requests.get(f"{server_process.url}/img/thumbnail2.png", timeout=TIMEOUT_SECONDS)
    assert (got.status_code, got.headers["Content-Type"], got.content[:4]) == (200, "image/png", b"\x89PNG")


WAITING = """
import pathlib, time
from ft_dcc.server.storage import derived_media
def wait(*_):
    while not pathlib.Path({go_file!r}).exists():
        time.sleep(0.02)
derived_media.run_ffmpeg = wait
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


SILENT_THEN_LOUD = ("-f", "lavfi", "-i", "aevalsrc=if(gt(t\\,1)\\,sin(440*2*PI*t)\\,0):s=44100:d=2")


def test_peaks_follow_the_sound(tmp_path):
    movie = make_movie(tmp_path / "movie.mp4", *SILENT_THEN_LOUD, seconds=2)
    make_waveform(movie, tmp_path / "made" / "waveform", RUN)
    peaks = (tmp_path / "made" / "waveform").read_bytes()
    assert abs(len(peaks) - 2 * PEAKS_PER_SECOND) <= 4
    assert max(peaks[: PEAKS_PER_SECOND - 4]) < 5
    assert min(peaks[PEAKS_PER_SECOND + 4 : 2 * PEAKS_PER_SECOND - 4]) > 180
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["waveform"]


def test_movie_without_sound_has_no_peaks(tmp_path):
    make_waveform(make_movie(tmp_path / "movie.mp4"), tmp_path / "waveform", RUN)
    assert (tmp_path / "waveform").read_bytes() == b""


def test_file_that_is_no_movie_has_no_waveform(tmp_path):
    (tmp_path / "notes.txt").write_text("no movie", encoding="utf-8")
    with pytest.raises(NotFound, match="No waveform"):
        make_waveform(tmp_path / "notes.txt", tmp_path / "waveform", RUN)
    assert not (tmp_path / "waveform").exists()


def test_waveform_is_made_once_and_removed_with_its_movie(tmp_path):
    store = MediaStore(tmp_path / "data", b"secret")
    store.import_file(make_movie(tmp_path / "movie.mp4", *SILENT_THEN_LOUD, seconds=2), "component")
    path = store.derived_file("component", "waveform")
    for _ in range(2):
        make_waveform(store.path("component"), path, RUN)
        made = path.stat().st_mtime_ns
    assert path.stat().st_mtime_ns == made
    store.remove("component")
    assert not path.exists()
    with pytest.raises(NotFound):
        store.derived_file("component", "waveform")
