"""Review movies as ftrack documents them: names, sizes, metadata, the encode of a site, and the page for a person."""

import json
import re
import zipfile
from fractions import Fraction
from functools import partial
from pathlib import Path

import attrs
import pytest
import requests
from doubles.colour_bars import SCENE, ColourBars, painted
from doubles.command_line import run_command
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc import media
from ft_dcc.contract import web_review
from ft_dcc.errors import ServerError, SettingInvalid
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.production.delivery import deliver
from ft_dcc.production.versions import fetch, find_component, find_movie
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.review.feedback import of_versions
from ft_dcc.system import child_process

TALL = Resolution(64, 2160)
NAMES = ["ftrackreview-mp4", "ftrackreview-mp4-2160"]


def sizes_of(published):
    made = json.loads((published.job / "report.json").read_text("utf-8"))["made"]
    return {movie["component"]: movie["resolution"] for movie in made}


def page_of(published):
    link, _, entry = published.first.link.partition("#")
    return requests.get(f"{link}/entries/{entry}", timeout=TIMEOUT_SECONDS).json()


def metadata_of(session, published, name="ftrackreview-mp4"):
    select = f"select metadata.key, metadata.value from FileComponent where name is {name}"
    component = session.query(f"{select} and version_id is {published.first.version_id}").one()
    return {key: json.loads(text) for key, text in component["metadata"].items() if key != "ft_dcc_sha256"}


@pytest.mark.parametrize("kind", ["camera", "frames", "film"])
def test_a_source_of_2160_lines_has_one_movie_of_each_size(session, shot, jobs, tmp_path, kind):
    frames = Frames(str(tmp_path / "a.%04d.png"), FrameRange(1001, 1003), Fraction(24), TALL)
    for number in frames.frame_range:
        frames.path(number).write_bytes(painted(number, TALL))
    sources = {"camera": None, "frames": frames.pattern, "film": None}
    if kind == "film":
        sources["film"] = str(media.encode(frames, tmp_path / "film.mp4").path)
    host = ColourBars(attrs.evolve(SCENE, resolution=TALL)) if kind == "camera" else None
    request = PublishRequest(
        shot("1001-1003", "24"),
        sources[kind],
        review="Dailies",
        frame_range=frames.frame_range,
        outputs=("1080", "2160"),
        movie_path=f"{tmp_path}/disk/{{shot}}_{{version}}.mp4",
        source_files="none",
    )
    steps = []
    published = Publisher(session, host, lambda progress: steps.append(progress.step), jobs).publish(request)
    assert sizes_of(published) == {"ftrackreview-mp4": "32x1080", "ftrackreview-mp4-2160": "64x2160"}
    assert sorted(each.name for each in published.first.components) == [*NAMES, "thumbnail"]
    uploads = [step for step in dict.fromkeys(steps) if step.startswith("upload")]
    assert uploads == [f"upload {name}" for name in (NAMES[1], "thumbnail", NAMES[0])]
    # The disk, a comparison and a delivery have the largest one; the page plays it and offers the other.
    (on_disk,) = (tmp_path / "disk").iterdir()
    compared = fetch(session, find_movie(session, published.first.version_id), tmp_path / "fetched")
    deliver(session, [published.first.version_id], tmp_path / "delivered")
    (delivered,) = (tmp_path / "delivered").glob("*.mp4")
    assert on_disk.read_bytes() == compared.read_bytes() == delivered.read_bytes()
    assert media.probe(on_disk).resolution == TALL
    (reviewed,) = of_versions(session, [published.first.version_id])
    assert (reviewed.media_id, reviewed.clip.height) == (published.first.components[0].id, 2160)
    movie = page_of(published)["film"]
    assert (movie["height"], [each["lines"] for each in movie["renditions"]]) == (2160, [1080])


def test_small_source_has_one_movie_of_its_size(session, host, task, task_path, jobs):
    published = publish(PublishRequest(task_path, outputs=("1080", "2160")), session, host, jobs=jobs)
    assert sizes_of(published) == {"ftrackreview-mp4": "64x36"}


def test_720_is_no_output_any_more(session, host, task, task_path, jobs, monkeypatch):
    request = PublishRequest(task_path)
    with pytest.raises(SettingInvalid, match=r"The publish: outputs: '720' is not one of 1080, "):
        publish(attrs.evolve(request, outputs=("1080", "720")), session, host, jobs=jobs)
    monkeypatch.setenv("FT_DCC_OUTPUTS", "720")
    with pytest.raises(SettingInvalid, match=r"environment FT_DCC_OUTPUTS: outputs: '720' is not one of"):
        publish(request, session, host, jobs=jobs)
    assert (host.captures, jobs.exists()) == (0, False)


@pytest.mark.parametrize(
    ("variant", "first", "has_size"),
    # The others are published by `ft-dcc accept site`, in the tests below.
    [(None, 1000, True), ("zero", 0, False)],
)
def test_a_setting_chooses_what_the_player_of_a_site_reads(
    session, host, task, task_path, jobs, monkeypatch, variant, first, has_size
):
    if variant:
        monkeypatch.setenv("FT_DCC_REVIEW_METADATA", variant)
    request = PublishRequest(task_path, review="Dailies", slate=("{shot}",))
    published = publish(request, session, host, jobs=jobs)
    size, exact = {"width": 64, "height": 36}, {"fps": "24/1", "first_frame": 1000, "frame_count": 13}
    assert metadata_of(session, published) == {
        "ftr_meta": {"frameIn": first, "frameOut": first + 12, "frameRate": 24.0, **(size if has_size else {})},
        "ft_dcc": {**exact, **({} if has_size else size)},
    }
    movie = page_of(published)["film"]
    assert (movie["exact"], movie["width"], movie["height"]) == (exact, 64, 36)


@pytest.mark.parametrize(("name", "value"), [("review_metadata", "none"), ("encode_by", "server")])
def test_unknown_values_are_refused_before_anything_is_captured(session, host, task_path, jobs, name, value):
    with pytest.raises(SettingInvalid, match=f"'{value}' is not one of "):
        publish(PublishRequest(task_path, **{name: value}), session, host, jobs=jobs)
    assert host.captures == 0


def test_a_site_encodes_the_movie_once_and_keeps_its_frame_numbers(session, host, task, task_path, jobs, monkeypatch):
    monkeypatch.setenv("FT_DCC_ENCODE_BY", "site")
    request = PublishRequest(task_path, review="Dailies", outputs=("1080",))
    published = publish(request, session, host, jobs=jobs)
    assert [each.name for each in published.first.components] == ["review-source", "thumbnail"]
    assert published.first.changes == ("the site encodes the movie, and shows it when it is encoded",)
    assert page_of(published)["is_encoding"] or page_of(published)["film"]
    movie = wait_until(lambda: page_of(published)["film"], "the movie of the site")
    assert movie["exact"] == {"fps": "24/1", "first_frame": 1001, "frame_count": 12}
    assert Publisher(session, jobs=jobs).resume(published.job.name).versions == published.versions
    found = session.query(f"select name from FileComponent where version_id is {published.first.version_id}")
    assert sorted(each["name"] for each in found) == ["ftrackreview-mp4", "thumbnail", "thumbnail"]


def test_a_resume_starts_the_encode_that_the_site_could_not_start(session, host, task, task_path, jobs, monkeypatch):
    def refuse(*_arguments, **_options):
        raise ServerError("'encode_media' is not available on this server. Install ffmpeg there.")

    request = PublishRequest(task_path, review="Dailies", encode_by="site")
    with monkeypatch.context() as patch:
        patch.setattr(type(session), "encode_media", refuse)
        stopped = publish(request, session, host, jobs=jobs)
    assert "Install ffmpeg there" in stopped.problems[0].message
    published = Publisher(session, jobs=jobs).resume(stopped.job.name)
    assert (host.captures, published.first.version, published.problems) == (1, 1, ())
    assert wait_until(lambda: page_of(published)["film"], "the movie of the site")


@pytest.fixture
def accept(signed_in, session, task, task_path, tmp_path, monkeypatch):
    """Run ``ft-dcc accept site`` with small movies; return its result and what the project had in the meantime."""
    opened, present = [], []
    smaller = partial(web_review.published_variants, size=Resolution(64, 1440))

    def see(address):
        opened.append(address)
        present[:] = contents()

    def contents():
        project = task_path.split("/")[0]
        versions = session.query(f"select asset.name from AssetVersion where asset.parent.project.name is {project}")
        reviews = session.query(f"select name from ReviewSession where project.name is {project}")
        shots = session.query(f"select name from TypedContext where project.name is {project}")
        names = sorted(each["asset"]["name"] for each in versions)
        return [names, len(reviews.all()), len(shots.all())]

    monkeypatch.setattr("webbrowser.open", see)
    monkeypatch.setattr(web_review, "published_variants", smaller)
    monkeypatch.setattr(web_review, "FRAMES", FrameRange(1001, 1003))
    monkeypatch.setenv("FT_DCC_OUTPUTS", "prores")

    def run(*arguments):
        before = contents()
        done = run_command("accept", "site", "--to", tmp_path / "page", *arguments)
        assert contents() == before
        return done, opened, present

    return run


def test_accept_site_shows_four_variants_to_a_person_and_removes_them(accept, task_path, tmp_path):
    done, opened, present = accept("--project", task_path.split("/")[0])
    assert done.returncode == 0, done.stderr
    assert present == [["frame", "frame-and-size", "zero", "zero-and-size"], 1, 6]
    page = tmp_path / "page" / "site-web-review.html"
    text = page.read_text("utf-8")
    assert (len(opened), opened[-1]) == (5, page.as_uri())
    assert re.findall(r'data-variant="([\w-]+)"', text) == ["frame-and-size", "frame", "zero-and-size", "zero"]
    assert text.count('type="checkbox"') == 20
    movies = re.findall(r"(ftrackreview-mp4[\d-]*): \d+ bytes, frameIn (\d+), frameOut (\d+)", text)
    assert movies[:2] == [("ftrackreview-mp4", "1001", "1003"), ("ftrackreview-mp4-1440", "1001", "1003")]
    assert movies[4:6] == [("ftrackreview-mp4", "0", "2"), ("ftrackreview-mp4-1440", "0", "2")]
    assert text.count("width 64, height 1440") == 2


def test_accept_site_removes_what_it_made_after_a_failure(accept, task_path, tmp_path):
    (tmp_path / "page" / "site-web-review.html").mkdir(parents=True)
    done, opened, _ = accept("--project", task_path.split("/")[0])
    assert (done.returncode, opened) == (1, [])
    assert "site-web-review.html cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Give --project with site"),
        (("--project", "Nothing"), "There is no project 'Nothing'"),
        (("--project", "Nothing", "--task", "A/B/C/D"), "Leave --program, --task and --person out"),
    ],
)
def test_accept_site_needs_an_existing_project(accept, arguments, sentence):
    done, opened, _ = accept(*arguments)
    assert (done.returncode, opened, sentence in done.stderr) == (2, [], True)


def test_one_run_of_ffmpeg_makes_all_outputs_and_images_are_numbered_in_one_archive(
    session, host, shot, jobs, tmp_path, monkeypatch
):
    own = ['outputs.add = ["edit", "plates", "1080"]', '[outputs.edit]\ncodec = "prores-proxy"\ncomponent = "cut"']
    own.append('lines = 18\naudio = "none"\n[outputs.plates]\ncodec = "png"\nlines = 18\ncomponent = "client-png"')
    (tmp_path / "own.toml").write_text("\n".join(own), encoding="utf-8")
    task_path, started, start = shot("1001-1012", "24"), [], child_process.start
    monkeypatch.setattr(child_process, "start", lambda *args, **more: started.append(args[0]) or start(*args, **more))
    monkeypatch.setenv("FT_DCC_USER_SETTINGS", str(tmp_path / "own.toml"))
    published = publish(PublishRequest(task_path, burnin=True), session, host, jobs=jobs)
    assert len([command for command in started if "-encoders" not in command]) == 1
    assert [each.name for each in published.first.components] == ["ftrackreview-mp4", "thumbnail", "cut", "client-png"]
    assert sizes_of(published) == {"ftrackreview-mp4": "64x36", "cut": "32x18", "client-png": "32x18"}
    archive = fetch(session, find_component(session, published.first.version_id, "client-png"), tmp_path)
    with zipfile.ZipFile(archive) as opened:
        assert opened.namelist() == [f"client-png.{number}.png" for number in range(1001, 1013)]
        assert media.probe(Path(opened.extract("client-png.1002.png", tmp_path))).resolution == Resolution(32, 18)
    for text, reason in (
        ('outputs = ["edti"]', "outputs: 'edti' is not one of .*prores"),
        ('[outputs.edit]\ncodec = "dnx"', "line 1: outputs.edit: codec is dnx, not one of h264, hevc"),
        ('[outputs.edit]\ncodec = "hevc"\ncomponent = "thumbnail"', "thumbnail is a component of ft-dcc"),
    ):
        (tmp_path / "own.toml").write_text(text, encoding="utf-8")
        with pytest.raises(SettingInvalid, match=reason):
            publish(PublishRequest(task_path), session, host, jobs=jobs)
