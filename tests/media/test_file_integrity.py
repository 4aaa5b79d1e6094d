from __future__ import annotations

import pytest
from doubles.numbered_images import run_ffmpeg

from ft_dcc.media.inspection import file_integrity

FORMATS = [
    ("a.mp4", "libx264", ()),
    ("fast.mp4", "libx264", ("-movflags", "+faststart")),
    ("pieces.mp4", "libx264", ("-movflags", "+frag_keyframe+empty_moov")),
    ("a.mov", "prores_ks", ()),
    ("a.mkv", "ffv1", ()),
    ("a.webm", "libvpx-vp9", ("-deadline", "realtime")),
    ("a.avi", "mjpeg", ()),
    ("a.mxf", "mpeg2video", ()),
]


@pytest.mark.parametrize(("name", "codec", "options"), FORMATS)
def test_truncated_container_is_detected(tmp_path, name, codec, options):
    path = tmp_path / name
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x36:r=25", "-frames:v", "25", "-c:v", codec, *options, path)
    assert file_integrity.is_whole(path)
    content = path.read_bytes()
    # An MXF declares the start of its footer, the others their end.
    missing = len(content) // 2 if name == "a.mxf" else 1
    path.write_bytes(content[:-missing])
    assert not file_integrity.is_whole(path)


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


@pytest.mark.parametrize(("name", "codec", "options"), FORMATS)
def test_only_an_index_at_the_front_is_faststart(tmp_path, name, codec, options):
    path = tmp_path / name
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x36:r=25", "-frames:v", "25", "-c:v", codec, *options, path)
    assert file_integrity.is_faststart(path) == (name in ("fast.mp4", "pieces.mp4"))
