"""Burn-ins of published versions."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from doubles.numbered_images import run_ffmpeg

from ft_dcc import media
from ft_dcc.errors import SettingInvalid
from ft_dcc.frames import Resolution
from ft_dcc.media import burnin
from ft_dcc.publish.models import COMPONENT_NAMES, PublishRequest
from ft_dcc.publish.plugins import integrate
from ft_dcc.publish.publisher import Publisher, publish


@pytest.fixture
def scripts(monkeypatch):
    """Return the libass scripts, one for each movie; those of single images are left out."""
    written = []
    script = burnin.script

    def keep(drawn, target, canvas):
        text = script(drawn, target, canvas)
        if len(target.numbers) > 1:
            written.append(text)
        return text

    monkeypatch.setattr(burnin, "script", keep)
    return written


def texts_of(session, component):
    is_described = f"parent_id is '{component.id}' and key in (ftr_meta, ft_dcc)"
    found = session.query(f"select key, value from Metadata where {is_described}")
    return {item["key"]: json.loads(item["value"]) for item in found}


def components_of(published):
    return {component.name: component for component in published.first.components}


def test_all_burnin_fields_are_replaced(session, host, task, task_path, jobs, scripts, monkeypatch):
    monkeypatch.setenv("FT_DCC_BURNIN_TOP_LEFT", "{project}|{shot}|{task}|{asset}|{version}|{source}|{comment}")
    monkeypatch.setenv("FT_DCC_BURNIN_BOTTOM_RIGHT", "{frame} {timecode} {lens}")
    host.lenses = {frame: 35.0 + frame - 1001 for frame in range(1001, 1013)}
    publish(PublishRequest(task_path, comment="50% {done}"), session, host, jobs=jobs)
    (script,) = scripts
    project = task_path.partition("/")[0]
    assert rf"{project}|SH010|Animation|Animation|v001|bars|50% \{{done\}}" in script
    assert "1001 00:00:41:17 35 mm" in script
    assert "1012 00:00:42:04 46 mm" in script


def test_artist_and_date_are_those_of_the_request(session, host, task, task_path, jobs, scripts):
    user = session.query(f"User where username is '{session.api_user}'").one()
    before = user["first_name"], user["last_name"]
    user["first_name"], user["last_name"] = "Ada", "Byron"
    session.commit()
    try:
        request = PublishRequest(task_path, burnin={"top": "{artist} on {date}"})
        published = publish(request, session, host, jobs=jobs)
    finally:
        user["first_name"], user["last_name"] = before
        session.commit()
    day = json.loads((published.job / "report.json").read_text("utf-8"))["request"]["burnin"]["top"][-10:]
    assert f"Ada Byron on {day}" in scripts[0]
    assert day[:2] == "20"


def test_slate_keeps_the_frame_numbers(session, host, task, task_path, jobs, tmp_path):
    published = publish(PublishRequest(task_path, slate=("{shot} {version}",)), session, host, jobs=jobs)
    movie = components_of(published)["ftrackreview-mp4"]
    assert texts_of(session, movie) == {
        "ftr_meta": {"frameIn": 1000, "frameOut": 1012, "frameRate": 24.0, "width": 64, "height": 36},
        "ft_dcc": {"fps": "24/1", "first_frame": 1000, "frame_count": 13},
    }


def test_burnt_in_number_is_the_version_number(session, host, task, task_path, jobs, scripts):
    request = PublishRequest(task_path, watermark="{version}")
    assert [publish(request, session, host, jobs=jobs).first.version for _ in range(2)] == [1, 2]
    assert ["v001" in scripts[0], "v002" in scripts[1]] == [True, True]


def test_two_sources_of_one_asset_have_different_numbers(session, host, task, task_path, jobs, scripts):
    request = PublishRequest(task_path, ("bars", "second"), asset="{shot}", watermark="{version}")
    published = publish(request, session, host, jobs=jobs)
    assert [version.version for version in published.versions] == [1, 2]
    assert len(scripts) == 2


def test_burnin_is_repeated_when_another_publish_takes_the_number(
    session, host, task, task_path, jobs, scripts, monkeypatch
):
    upload, others = integrate.UploadComponents.process, []

    def upload_and_lose(self, instance):
        upload(self, instance)
        if not others:
            others.append(publish)
            asset_id = publish_plainly(session, task)
            assert asset_id

    def publish_plainly(session, task):
        asset = session.query(f"Asset where context_id is '{task['parent_id']}'").first() or session.create(
            "Asset",
            {
                "name": "Animation",
                "context_id": task["parent_id"],
                "type": session.query("AssetType where short is 'upload'").one(),
            },
        )
        session.create("AssetVersion", {"asset": asset, "task_id": task["id"]})
        session.commit()
        return asset["id"]

    first = publish(PublishRequest(task_path, watermark="{version}"), session, host, jobs=jobs)
    scripts.clear()
    monkeypatch.setattr(integrate.UploadComponents, "process", upload_and_lose)
    published = publish(PublishRequest(task_path, watermark="{version}"), session, host, jobs=jobs)
    assert (first.first.version, published.first.version, published.problems) == (1, 3, ())
    assert ["v002" in scripts[0], "v003" in scripts[1]] == [True, True]
    assert host.captures == 2
    assert [step.name for step in published.steps].count("CaptureFrames") == 1
    again = Publisher(session, jobs=jobs).resume(published.job.name)
    assert again.versions == published.versions


def test_outputs_are_components_of_the_same_version(session, host, task, task_path, jobs):
    request = PublishRequest(task_path, slate=("{shot}",), outputs=("720", "prores"))
    published = publish(request, session, host, jobs=jobs)
    found = components_of(published)
    assert sorted(found) == ["ftrackreview-mp4", "ftrackreview-mp4-720", "prores", "thumbnail"]
    assert set(found) <= set(COMPONENT_NAMES)
    assert texts_of(session, found["prores"])["ft_dcc"] == {"fps": "24/1", "first_frame": 1000, "frame_count": 13}


def test_burnin_of_a_movie_uses_its_frame_numbers(session, shot, paint, jobs, scripts, tmp_path):
    task_path = shot("1001-1012", "24")
    movie = media.encode(paint("1-12"), tmp_path / "cut.mp4")
    request = PublishRequest(task_path, str(movie.path), burnin={"bottom": "frame {frame}"})
    publish(request, session, jobs=jobs)
    assert "frame 1001" in scripts[-1] and "frame 1012" in scripts[-1] and "frame 1013" not in scripts[-1]


def test_single_image_is_published_without_a_movie(session, task, task_path, paint, jobs):
    frames = paint("7-7")
    published = publish(PublishRequest(task_path, str(frames.path(7)), review="Dailies"), session, jobs=jobs)
    found = components_of(published)
    assert sorted(found) == ["ftrackreview-image", "thumbnail"]
    assert texts_of(session, found["ftrackreview-image"]) == {
        "ftr_meta": {"format": "image", "width": 64, "height": 36}
    }
    assert published.problems == ()


def test_unknown_burnin_field_is_rejected_with_a_suggestion(session, host, task_path, jobs, monkeypatch):
    monkeypatch.setenv("FT_DCC_BURNIN_TOP", "{verion}")
    with pytest.raises(SettingInvalid, match=r"unknown field \{verion\}\. Did you mean \{version\}"):
        publish(PublishRequest(task_path), session, host, jobs=jobs)


def test_burnin_is_visible_in_the_movie(session, host, task, task_path, jobs, tmp_path):
    """Check the slate, which is black with white text, and that the bars start at the second frame."""
    kept = []

    def keep(progress):
        if progress.step == "upload thumbnail":
            (movie,) = jobs.rglob("ftrackreview-mp4.mp4")
            kept.append(movie.read_bytes())

    Publisher(session, host, keep, jobs).publish(PublishRequest(task_path, slate=("{shot}",)))
    (tmp_path / "film.mp4").write_bytes(kept[0])
    info = media.probe(tmp_path / "film.mp4")
    assert (info.frame_count, info.fps, info.resolution) == (13, Fraction(24), Resolution(64, 36))
    raw = run_ffmpeg("-i", tmp_path / "film.mp4", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    corner = [raw[index * 64 * 36] for index in range(3)]
    assert corner[0] < 30 and min(corner[1:]) > 100
