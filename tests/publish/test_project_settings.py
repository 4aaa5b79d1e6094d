"""The settings that a server keeps for a project: set, pushed, shown, applied, and known without the server."""

import json
import os
import re
from fractions import Fraction

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars
from doubles.command_line import account_variables, run_command

from ft_dcc.production.project_settings import find_project, read_text
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.preparation import prepare
from ft_dcc.publish.publisher import Publisher
from ft_dcc.settings.resolve import read_settings


@pytest.fixture
def project(task, task_path):
    return task_path.split("/")[0]


@pytest.fixture
def settings(studio_server, jobs, tmp_path):
    """Run ``ft-dcc settings`` in a folder with the file of another show; return its exit code and its output."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "ft_dcc.toml").write_text('asset_name = "other {task}"', encoding="utf-8")
    environ = {**os.environ, **account_variables(studio_server, jobs)}

    def run(*arguments, **variables):
        done = run_command("settings", *arguments, environ={**environ, **variables}, folder=tmp_path / "other")
        return done.returncode, done.stdout + done.stderr

    return run


def test_settings_of_a_project_are_set_removed_pushed_and_pulled(session, settings, project, tmp_path):
    assert settings("set", "--project", project, "asset_name", "{shot} {task}")[0] == 0
    assert settings("set", "--project", project, "outputs", "1080", "prores")[0] == 0
    assert read_text(find_project(session, project)) == 'outputs = ["1080", "prores"]\nasset_name = "{shot} {task}"\n'
    assert settings("unset", "--project", project, "outputs")[0] == 0
    assert settings("pull", "--project", project) == (0, 'asset_name = "{shot} {task}"\n')
    file = tmp_path / "film.toml"
    file.write_text('# ours\nstatus = "Approved"\n[checks]\nSound = "warning"\n', encoding="utf-8")
    assert settings("push", "--project", project, file)[0] == 0
    assert read_text(find_project(session, project)) == file.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("set", "plugins", "/mine"), "plugins is not allowed in settings on the server"),
        (("set", "status", "a", "b"), "status takes one value"),
        (("set", "watermark", "x"), "line 1: watermark is locked by .*studio.toml, line 1"),
    ],
)
def test_what_a_project_cannot_have_is_refused_and_nothing_is_changed(
    session, settings, project, tmp_path, arguments, reason
):
    (tmp_path / "studio.toml").write_text('locked = ["watermark"]', encoding="utf-8")
    code, text = settings(*arguments, "--project", project, FT_DCC_STUDIO_SETTINGS=str(tmp_path / "studio.toml"))
    assert code == 2
    assert re.search(reason, text), text
    assert read_text(find_project(session, project)) == ""


def test_show_says_value_and_origin_and_the_last_known_ones_without_the_server(settings, project, task, tmp_path):
    settings("set", "--project", project, "status", "Approved")
    scene = tmp_path / "shots" / "sh010.blend"
    scene.parent.mkdir()
    (tmp_path / "shots" / "ft_dcc.toml").write_text("slate = true", encoding="utf-8")
    shown = ("show", "--project", project, "--scene", scene, "--json")
    found = {row["setting"]: row for row in json.loads(settings(*shown)[1])["settings"]}
    assert found["status"]["origin"] == f"server: settings of the project {project}, line 1"
    assert found["slate"]["origin"] == f"project: {tmp_path / 'shots' / 'ft_dcc.toml'}, line 1"
    assert found["asset_name"]["origin"] == "default"
    code, text = settings("show", "--project", project, FTRACK_SERVER="http://127.0.0.1:1")
    assert code == 0 and "The last known settings of the project are shown." in text
    assert settings("show", "--project", "Nothing")[0] == 1


def test_a_publish_has_the_settings_of_the_project_and_of_the_folder_of_its_scene(
    session, settings, project, task, jobs, tmp_path, monkeypatch
):
    """The working directory, which belongs to another show, does not matter."""
    settings("set", "--project", project, "asset_name", "{shot} {task}")
    (tmp_path / "show").mkdir()
    (tmp_path / "show" / "ft_dcc.toml").write_text('watermark = "ours"', encoding="utf-8")
    monkeypatch.chdir(tmp_path / "other")
    host = ColourBars(attrs.evolve(SCENE, path=tmp_path / "show" / "sh010.bars", task_id=task["id"]))
    check = Publisher(session, host, jobs=jobs).validate(PublishRequest(None, fps=Fraction(24)))
    assert {row["asset"] for row in check.planned} == {"SH010 Animation"}
    request = check.job.request()
    assert (request.watermark, request.asset, request.settings_folder) == ("ours", "{shot} {task}", tmp_path / "show")
    check.discard()
    # Without the server, by the last known ones, and on another thread of the process by those of its folder.
    job = prepare(PublishRequest(task["id"]), session.server_url, host, jobs)
    assert (job.request().asset, read_settings().get("asset_name")) == ("{shot} {task}", "other {task}")
