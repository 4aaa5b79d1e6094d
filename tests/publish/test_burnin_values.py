"""Burn-ins and slates of published versions, from the settings and from a template in TOML."""

import datetime
import json
from pathlib import Path

import attrs
import pytest

from ft_dcc import media
from ft_dcc.errors import EncodeFailed, SettingInvalid, UserFixableError
from ft_dcc.media import SlateImages, burnin, ffmpeg
from ft_dcc.publish.models import COMPONENT_NAMES, PublishRequest
from ft_dcc.publish.plugins import integrate
from ft_dcc.publish.preparation import apply_settings, read_slate
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.settings.publish_options import BURNIN_POSITIONS
from ft_dcc.settings.resolve import read_settings


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


def test_cut_scene_camera_and_attributes_are_those_of_the_shot(session, host, shot, jobs, scripts, monkeypatch):
    """The scene has the shot's frames with its handles, which are counted once."""
    host._scene = attrs.evolve(host._scene, path=Path("/shots/sh010_anim_v003.blend"))
    monkeypatch.setenv("FT_DCC_BURNIN_TOP", "{range} {cut} {scene} {camera} {shot.handles} {shot.fps} {version.note}|")
    monkeypatch.setenv("FT_DCC_MARK_HANDLES", "true")
    configuration = {"key": "note", "label": "Note", "entity_type": "assetversion", "default": "new"}
    type_id = session.query("CustomAttributeType where name is text").one()["id"]
    made = session.create("CustomAttributeConfiguration", {**configuration, "type_id": type_id, "config": "{}"})
    session.commit()
    try:
        publish(PublishRequest(shot("1003-1010+2", "24")), session, host, jobs=jobs)
    finally:
        session.delete(made)
        session.commit()
    assert "1001-1012 1003-1010 sh010_anim_v003.blend bars 2 24 new|" in scripts[0]
    assert scripts[0].count("HANDLE") == 4


@pytest.mark.parametrize(("field", "meant"), [("shot.fstrt", "Did you mean fstart?"), ("version.x", "There are: ")])
def test_unknown_attribute_is_a_problem_before_the_capture(session, host, task, task_path, jobs, field, meant):
    owner = field.partition(".")[0]
    with pytest.raises(UserFixableError) as found:
        publish(PublishRequest(task_path, watermark=f"{{{field}}}"), session, host, jobs=jobs)
    assert str(found.value).startswith(
        f"A burn-in or rule has {{{field}}}, and the {owner} has no such attribute. {meant}"
    )
    assert host.captures == 0


def test_ffmpeg_without_an_encoder_is_refused_before_the_capture(session, host, task, task_path, jobs, monkeypatch):
    monkeypatch.setattr(ffmpeg, "encoders", frozenset)
    with pytest.raises(EncodeFailed, match=r"has no libx264 or another H\.264 encoder"):
        publish(PublishRequest(task_path), session, host, jobs=jobs)
    assert host.captures == 0


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


def test_two_sources_of_one_asset_have_different_numbers(session, host, task, task_path, jobs, scripts):
    request = PublishRequest(task_path, ("bars", "second"), asset="{shot}", watermark="{version}")
    assert [version.version for version in publish(request, session, host, jobs=jobs).versions] == [1, 2]
    assert len(scripts) == 2


def test_burnin_is_repeated_when_another_publish_takes_the_number(
    session, host, task, task_path, jobs, scripts, monkeypatch
):
    upload, others = integrate.UploadComponents.process, []

    def upload_and_lose(self, instance):
        upload(self, instance)
        if not others:
            others.append(publish)
            assert publish_plainly(session, task)

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
    assert Publisher(session, jobs=jobs).resume(published.job.name).versions == published.versions


def test_outputs_are_components_of_the_same_version(session, host, task, task_path, jobs):
    request = PublishRequest(task_path, slate=("{shot}",), outputs=("1080", "prores"))
    found = components_of(publish(request, session, host, jobs=jobs))
    assert sorted(found) == ["ftrackreview-mp4", "prores", "thumbnail"]
    assert set(found) <= set(COMPONENT_NAMES)
    assert texts_of(session, found["prores"]) == {
        "ftr_meta": {"frameIn": 1000, "frameOut": 1012, "frameRate": 24.0, "width": 64, "height": 36},
        "ft_dcc": {"fps": "24/1", "first_frame": 1000, "frame_count": 13},
    }


def test_burnin_of_a_movie_uses_its_frame_numbers(session, shot, paint, jobs, scripts, tmp_path):
    task_path = shot("1001-1012", "24")
    movie = media.encode(paint("1-12"), tmp_path / "cut.mp4")
    publish(PublishRequest(task_path, str(movie.path), burnin={"bottom": "frame {frame}"}), session, jobs=jobs)
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


def test_names_paths_and_burnin_have_the_same_fields_with_formats(
    session, host, shot, jobs, scripts, monkeypatch, tmp_path
):
    task_path = shot("1001-1012", "24")
    monkeypatch.setenv(
        "FT_DCC_BURNIN_TOP", "{version:04} {shot.fstart:06} {frame:06} {sequence} {department}{episode}|"
    )
    monkeypatch.setenv("FT_DCC_ASSET_NAME", "{shot}_{shot.fstart:05}_{user}")
    monkeypatch.setenv("FT_DCC_REVIEW", "{project}_{date:%Y}_{department:.4}")
    monkeypatch.setenv("FT_DCC_MOVIE_PATH", f"{tmp_path}/{{sequence}}/{{shot}}_{{version:04}}_{{shot.fstart}}.mp4")
    published = publish(PublishRequest(task_path), session, host, jobs=jobs)
    project, sequence, name, _ = task_path.split("/")
    (script,) = scripts
    assert f"0001 001001 001001 {sequence} Animation|" in script and "001012" in script
    version = session.get("AssetVersion", published.first.version_id)
    review = session.get("ReviewSession", published.first.review_session_id)
    assert version["asset"]["name"] == f"{name}_01001_{session.api_user}"
    assert review["name"] == f"{project}_{datetime.date.today():%Y}_Anim"
    assert (tmp_path / sequence / f"{name}_0001_1001.mp4").is_file()


TEMPLATE = """
title = "{project}"
logo = "art/logo.png"
colour_bars = false

[labels]
Shot = "{shot}"
"Client version" = "{version}"
"""


@pytest.fixture
def template(tmp_path, monkeypatch):
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "logo.png").write_bytes(b"\x89PNG")

    def write(text):
        path = tmp_path / "slate.toml"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setenv("FT_DCC_SLATE_TEMPLATE", str(path))
        return path

    return write


def request(**options):
    return apply_settings(PublishRequest("task", **options), read_settings(), in_host=True)


def test_template_has_lines_logo_and_images(template, tmp_path):
    template(TEMPLATE)
    lines, images = read_slate(read_settings())
    assert lines == ("{project}", "Shot: {shot}", "Client version: {version}")
    assert images == SlateImages(thumbnail=True, logo=str(tmp_path / "art" / "logo.png"))


def test_template_is_used_by_a_request_with_a_slate(template, monkeypatch):
    template(TEMPLATE)
    assert (request().slate, request().slate_images) == ((), None)
    monkeypatch.setenv("FT_DCC_SLATE", "true")
    assert request().slate == ("{project}", "Shot: {shot}", "Client version: {version}")
    assert request().slate_images.logo.endswith("logo.png")
    assert (request(slate=()).slate, request(slate=()).slate_images) == ((), None)


def test_slate_without_a_template_has_a_thumbnail_and_colour_bars(monkeypatch):
    monkeypatch.setenv("FT_DCC_SLATE", "true")
    assert request().slate[:2] == ("{project}  {shot}", "Task: {task}")
    assert request().slate_images == SlateImages(thumbnail=True, colour_bars=True)
    monkeypatch.setenv("FT_DCC_SLATE_LINES", "{shot} of {project}\nSupervised by {artist}")
    assert request().slate == ("{shot} of {project}", "Supervised by {artist}")


@pytest.mark.parametrize("place", BURNIN_POSITIONS)
def test_each_place_of_the_burnin_has_a_setting(monkeypatch, place):
    before = request().burnin
    monkeypatch.setenv(f"FT_DCC_BURNIN_{place.upper()}", "{shot} here")
    assert request().burnin == {**before, place.replace("_", " "): "{shot} here"}
    monkeypatch.setenv(f"FT_DCC_BURNIN_{place.upper()}", "")
    assert place.replace("_", " ") not in request().burnin


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel = 'x'", r"unknown key, titel\. Did you mean title\?"),
        ("thumbnail = 'yes'", "thumbnail in the slate template .* takes true or false, not 'yes'"),
        ("[labels]\n'a: b' = 'x'", "The label 'a: b' in the slate template .* without colon and braces"),
        ("[labels]\nShot = 3", "The label 'Shot' in the slate template .* takes a text"),
        ("logo = 'gone.png'", r"The logo .*gone\.png in the slate template .* does not exist"),
        ("logo = 'slate.toml'", r"is slate\.toml\. Use a PNG or JPEG file"),
        ("title = ", r"slate\.toml, line 1: invalid TOML"),
    ],
)
def test_mistake_in_a_template_is_named(template, text, message):
    template(text)
    with pytest.raises(SettingInvalid, match=message):
        read_slate(read_settings())


def test_template_that_does_not_exist_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("FT_DCC_SLATE_TEMPLATE", str(tmp_path / "gone.toml"))
    with pytest.raises(SettingInvalid, match=r"gone\.toml cannot be read: No such file .*slate_template"):
        read_slate(read_settings())
