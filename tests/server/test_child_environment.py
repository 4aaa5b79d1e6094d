"""ffmpeg reads files of unknown origin, and gets no secret of the process that starts it."""

import ast
from contextlib import suppress

import pytest
from doubles.programs import write_program

from ft_dcc.errors import EncodeFailed
from ft_dcc.media import ffmpeg
from ft_dcc.server.encoding.job import encode
from ft_dcc.server.storage.derived_media import run_ffmpeg
from ft_dcc.server.work.budgets import Owner
from ft_dcc.server.work.queue import Work

SECRETS = (
    *("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY", "FT_DCC_SMTP_PASSWORD", "FT_DCC_SMTP_URL"),
    *("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DATABASE_PASSWORD", "https_proxy", "GOOGLE_APPLICATION_CREDENTIALS"),
)


def of_the_client(source, folder):
    ffmpeg.run(["-i", str(source), str(folder / "movie.mp4")])


WORK = Work("thumbnail", Owner(), lambda _work: None, 60)


def of_a_thumbnail_on_the_server(source, folder):
    run_ffmpeg(source, [str(folder / "thumbnail.jpg")], WORK.run)


def of_an_encode_on_the_server(source, folder):
    encode(WORK, source, folder, max_bytes=1 << 20)


@pytest.mark.parametrize("start", [of_the_client, of_a_thumbnail_on_the_server, of_an_encode_on_the_server])
def test_ffmpeg_has_no_secrets_in_its_environment(start, tmp_path, monkeypatch):
    seen, source = tmp_path / "environment", tmp_path / "source.movie"
    code = f"import os, sys; open({str(seen)!r}, 'w', encoding='utf-8').write(repr(dict(os.environ))); sys.exit(1)"
    program = write_program(tmp_path / "ffmpeg", code)
    source.write_bytes(b"movie")
    monkeypatch.setenv("FT_DCC_FFMPEG", str(program))
    for name in SECRETS:
        monkeypatch.setenv(name, "https://hidden.test")
    with suppress(EncodeFailed):
        start(source, tmp_path)
    found = ast.literal_eval(seen.read_text("utf-8"))
    # It is the environment of the child, and has what ffmpeg needs.
    assert "PATH" in found
    assert [name for name, value in found.items() if "hidden.test" in value or name in SECRETS] == []
