"""Test the peaks of the sound of a movie, with real files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ft_dcc.server.errors import NotFound
from ft_dcc.server.storage.ffmpeg import find_ffmpeg
from ft_dcc.server.storage.media_store import MediaStore
from ft_dcc.server.storage.waveform import PEAKS_PER_SECOND, make_waveform

pytest.importorskip("imageio_ffmpeg")

SILENT_THEN_LOUD = "aevalsrc=if(gt(t\\,1)\\,sin(440*2*PI*t)\\,0):s=44100:d=2"


def make_movie(path: Path, *sound: str) -> Path:
    image = ["-f", "lavfi", "-i", "color=c=red:s=64x36:r=24:d=2"]
    command = [find_ffmpeg(), "-y", "-loglevel", "error", *image, *sound, "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, check=True)
    return path


def test_peaks_follow_the_sound(tmp_path: Path) -> None:
    movie = make_movie(tmp_path / "movie.mp4", "-f", "lavfi", "-i", SILENT_THEN_LOUD)
    make_waveform(movie, tmp_path / "made" / "waveform")
    peaks = (tmp_path / "made" / "waveform").read_bytes()
    assert abs(len(peaks) - 2 * PEAKS_PER_SECOND) <= 4
    assert max(peaks[: PEAKS_PER_SECOND - 4]) < 5
    assert min(peaks[PEAKS_PER_SECOND + 4 : 2 * PEAKS_PER_SECOND - 4]) > 180
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["waveform"]


def test_movie_without_sound_has_no_peaks(tmp_path: Path) -> None:
    make_waveform(make_movie(tmp_path / "movie.mp4"), tmp_path / "waveform")
    assert (tmp_path / "waveform").read_bytes() == b""


def test_file_that_is_no_movie_has_no_waveform(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no movie", encoding="utf-8")
    with pytest.raises(NotFound, match="No waveform"):
        make_waveform(tmp_path / "notes.txt", tmp_path / "waveform")
    assert not (tmp_path / "waveform").exists()


def test_waveform_is_made_once_and_removed_with_its_movie(tmp_path: Path) -> None:
    store = MediaStore(tmp_path / "data", b"secret")
    store.import_file(make_movie(tmp_path / "movie.mp4", "-f", "lavfi", "-i", SILENT_THEN_LOUD), "component")
    path = store.waveform("component")
    made = path.stat().st_mtime_ns
    assert store.waveform("component").stat().st_mtime_ns == made
    store.remove("component")
    assert not path.exists()
    with pytest.raises(NotFound):
        store.waveform("component")
