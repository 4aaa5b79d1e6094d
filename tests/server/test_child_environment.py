"""ffmpeg reads files of unknown origin, and gets no secret of the process that starts it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ft_dcc.errors import EncodeFailed
from ft_dcc.media import ffmpeg
from ft_dcc.server.encoding.process import EncodeProcess
from ft_dcc.server.storage.ffmpeg import run_ffmpeg

SECRETS = (
    *("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY", "FT_DCC_SMTP_PASSWORD", "FT_DCC_SMTP_URL"),
    *("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DATABASE_PASSWORD", "https_proxy", "GOOGLE_APPLICATION_CREDENTIALS"),
)


def of_the_client(source: Path, folder: Path) -> None:
    ffmpeg.run(["-i", str(source), str(folder / "movie.mp4")])


def of_a_thumbnail_on_the_server(source: Path, folder: Path) -> None:
    run_ffmpeg(source, [str(folder / "thumbnail.jpg")], 60)


def of_an_encode_on_the_server(source: Path, folder: Path) -> None:
    EncodeProcess(source, folder, seconds=60, max_bytes=1 << 20).run(lambda percent: None)


@pytest.mark.skipif(sys.platform == "win32", reason="The program in place of ffmpeg is a shell script.")
@pytest.mark.parametrize("start", [of_the_client, of_a_thumbnail_on_the_server, of_an_encode_on_the_server])
def test_ffmpeg_has_no_secrets_in_its_environment(
    start: Callable[[Path, Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, program, source = tmp_path / "environment", tmp_path / "ffmpeg", tmp_path / "source.movie"
    program.write_text(f"#!/bin/sh\nenv > '{seen}'\nexit 1\n", "utf-8")
    program.chmod(0o755)
    source.write_bytes(b"movie")
    monkeypatch.setenv("FT_DCC_FFMPEG", str(program))
    for name in SECRETS:
        monkeypatch.setenv(name, "https://hidden.test")
    with suppress(EncodeFailed):
        start(source, tmp_path)
    lines = seen.read_text("utf-8").splitlines()
    # It is the environment of the child, and has what ffmpeg needs.
    assert any(line.startswith("PATH=") for line in lines)
    assert [line for line in lines if "hidden.test" in line or line.partition("=")[0] in SECRETS] == []
