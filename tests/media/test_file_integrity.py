import pytest
from doubles.numbered_images import run_ffmpeg
from media.conftest import CONTAINERS

from ft_dcc.media.inspection import file_integrity


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name != "a.ts"])
def test_truncated_container_and_an_index_at_the_front_are_detected(containers, tmp_path, name):
    path = containers(name)
    assert file_integrity.is_whole(path)
    assert file_integrity.is_faststart(path) == (name in ("fast.mp4", "pieces.mp4"))
    content = path.read_bytes()
    # An MXF declares the start of its footer, the others their end.
    missing = len(content) // 2 if name == "a.mxf" else 1
    short = tmp_path / name
    short.write_bytes(content[:-missing])
    assert not file_integrity.is_whole(short)


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("fast.mp4", ("-c:v", "libx264", "-movflags", "+faststart", "-c:a", "aac"), 25),
        ("a.mov", ("-c:v", "prores_ks", "-c:a", "pcm_s24le", "-timecode", "01:00:00:00"), 25),
        ("sound first.mov", ("-c:v", "mjpeg", "-map", "1:a", "-map", "0:v"), 25),
        ("sound.m4a", ("-vn", "-c:a", "aac"), 0),
    ],
)
def test_frames_are_counted_in_the_index(tmp_path, name, options, count):
    inputs = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1:r=48000")
    run_ffmpeg(*inputs, *options, tmp_path / name)
    assert file_integrity.declared_frames(tmp_path / name) == count


def test_frames_of_other_containers_are_not_counted(containers):
    found = {name: file_integrity.declared_frames(containers(name)) for name in ("a.mp4", "pieces.mp4", "a.mkv")}
    assert found == {"a.mp4": 25, "pieces.mp4": 0, "a.mkv": 0}


def test_frames_of_a_truncated_movie_are_not_counted(containers, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(containers("a.mp4").read_bytes()[:-2000])
    assert file_integrity.declared_frames(path) == 0
    path.write_bytes(b"")
    assert file_integrity.declared_frames(path) == 0


@pytest.mark.parametrize("compression", ["none", "rle", "zip1", "zip16"])
def test_truncated_exr_is_detected(tmp_path, compression):
    path = tmp_path / "a.exr"
    image = ("-f", "lavfi", "-i", "testsrc2=s=65x37", "-frames:v", "1", "-pix_fmt", "gbrpf32le")
    run_ffmpeg(*image, "-compression", compression, "-update", "1", path)
    content = path.read_bytes()
    assert file_integrity.declared_size(path) == len(content)
    for missing in (1, len(content) // 2, len(content) - 9):
        path.write_bytes(content[:-missing])
        assert not file_integrity.is_whole(path)


def test_live_recording_declares_no_size(tmp_path):
    path = tmp_path / "live.mkv"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x36", "-frames:v", "9", "-f", "matroska", "-live", "1", path)
    assert file_integrity.declared_size(path) == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"ftyp",
        b"\0\0\0\0ftyp",
        b"\x1a\x45\xdf\xa3",
        b"\x1a\x45\xdf\xa3\x00",
        b"RIFF",
        b"plain text",
        b"\x76\x2f\x31\x01",
        b"\x76\x2f\x31\x01\x02\0\0\0" + b"x" * 99,
        b"\x76\x2f\x31\x01\x02\x10\0\0" + b"x" * 9,
        bytes.fromhex("060e2b34020501010d01020101020400"),
        b"\0\0\0\x08ftyp" + b"\0\0\0\x01mdat" + b"\0" * 8,
        b"\xff" * 99,
    ],
)
def test_random_bytes_are_read_without_an_error(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    file_integrity.is_whole(tmp_path / "a")
    assert not file_integrity.is_faststart(tmp_path / "a")
