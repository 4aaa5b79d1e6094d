"""A project goes from one studio server into another studio: everything that belongs to it, and nothing else."""

import json
import os
import sys
from unittest import mock

import pytest
from doubles.command_line import environment, ft_dcc
from doubles.operations import lines
from doubles.programs import run_process
from doubles.sample_project import ELSEWHERE, MOVIE_BYTES, opened

from ft_dcc.errors import SettingInvalid
from ft_dcc.project_transfer.mapping import TargetIndex, map_to_target
from ft_dcc.server.admin.service import export_lines, open_admin


def dump(folder):
    """Return the entities of a studio, by what makes them different from others."""
    found = map(json.loads, export_lines(folder))
    return {(row["__entity_type__"], row.get("id") or json.dumps(row, sort_keys=True)): row for row in found}


def copy(project, data, server, *options):
    """Copy a project of a server into a studio, and return what the command prints."""
    done = ft_dcc("studio", "copy", "--project", project, "--data", str(data), *options, **environment(server))
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


@pytest.fixture(scope="module")
def rest(tmp_path_factory, project_server):
    """Copy the project Film into a data folder; return the folder."""
    folder = tmp_path_factory.mktemp("rest") / "data"
    # As a large project comes: in many pages.
    limits = {"MAX_IDS_PER_QUERY": 3, "PAGE_SIZE": 2, "MAX_QUERIES_PER_REQUEST": 2}
    with mock.patch.multiple("ft_dcc.project_transfer.export", **limits):
        assert "      2 AssetVersion\n" in copy("Film", folder, project_server)
    return folder


@pytest.fixture(scope="module", autouse=True)
def copied(project_server, rest):
    """Return the entities of the site and of the copy before any test changes some."""
    return dump(project_server.data), dump(rest)


def test_a_copy_has_all_entities_of_the_project(copied):
    there, here = copied
    missing = {key: row for key, row in there.items() if key not in here}
    # Not copied: entities of another project, locations of media, and roles.
    foreign = {row["id"] for row in there.values() if row.get("name") in ELSEWHERE}
    foreign |= {row["id"] for row in there.values() if row.get("asset_id") in foreign}
    for (type_name, _), row in missing.items():
        is_foreign = foreign.intersection(value for value in row.values() if isinstance(value, str))
        is_own = type_name in ("ComponentLocation", "UserSecurityRole", "Event", "ReviewSession", "Feed")
        assert is_foreign or is_own, row
    for key in here.keys() & there.keys():
        if key[0] != "ReviewSession":
            assert here[key] == there[key]
    assert not foreign.intersection(row.get("id") for row in here.values())


def test_passphrases_are_not_copied(rest):
    here = dump(rest)
    (review,) = (row for (type_name, _), row in here.items() if type_name == "ReviewSession")
    assert (review["name"], review.get("passphrase"), review["passphrase_enabled"]) == ("Dailies", None, True)


def test_a_second_copy_updates_changes_and_duplicates_nothing(project_server, rest):
    before = dump(rest)
    with opened(project_server) as session:
        session.query('Shot where name is "sh010" and project.name is "Film"').one()["description"] = "changed"
        session.commit()
    report = json.loads(copy("The Film", rest, project_server, "--json"))
    assert report["entities"]["Note"] == 4
    assert report["left_out"] == {"AssetVersionLink": 1, "ListObject": 1, "TypedContextLink": 1}
    after = dump(rest)
    assert after.keys() == before.keys()
    (changed,) = (key for key in after if after[key] != before[key])
    assert after[changed]["description"] == "changed" != before[changed].get("description")


def test_a_copy_into_a_running_server_includes_media_on_request(project_server, start_server):
    server = start_server()
    first = copy("Film", server.data, project_server, "--media", "--json")
    assert json.loads(first)["media"] == {"files": 1, "bytes": len(MOVIE_BYTES), "missing": 0}
    with opened(server) as session:
        location = session.query("select component.name, component.size from ComponentLocation").one()
        assert (location["component"]["name"], location["component"]["size"]) == ("movie", len(MOVIE_BYTES))
    again = copy("Film", server.data, project_server, "--media", "--json")
    assert json.loads(again)["media"] == {"files": 0, "bytes": 0, "missing": 0}


def test_a_relative_data_folder_is_one_studio_for_the_command_and_its_server(project_server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ("studio", "copy", "--project", "Film", "--media", "--json", "--data", "copy")
    # As a process: the server that it starts for the media outlives it.
    variables = {**os.environ, **environment(project_server), "FT_DCC_LOCAL_STUDIO_IDLE": "0.2"}
    done = run_process(sys.executable, "-m", "ft_dcc.cli.main", *arguments, env=variables)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["media"]["files"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    assert not (tmp_path / "copy" / "copy").exists()
    assert [path.read_bytes() for path in (tmp_path / "copy" / "media").rglob("*") if path.is_file()] == [MOVIE_BYTES]


def test_statuses_and_types_with_other_ids_are_not_duplicated(project_server, tmp_path):
    """A user, a status and a custom attribute of the same names stand for the site's."""
    folder = tmp_path / "own"
    own = [
        {"__entity_type__": "User", "id": "own anna", "username": "anna", "is_active": True},
        {"__entity_type__": "UserType", "id": "own type", "name": "Owner"},
    ]
    with open_admin(folder) as owner:
        owner.run("user", name="someone")
        owner.load(lines(*own))
    copy("Film", folder, project_server)
    here = dump(folder)
    assert [row["id"] for row in here.values() if row.get("username") == "anna"] == ["own anna"]
    assert "own anna" in {row["user_id"] for row in here.values() if row["__entity_type__"] == "AssetVersion"}


def test_a_recreated_shot_is_not_duplicated(project_server, tmp_path):
    with opened(project_server) as session:
        movie = session.create("Project", {"name": "Remake", "project_schema": session.query("ProjectSchema").one()})
        for _ in range(2):
            shot = session.create("Shot", {"name": "sh010", "parent": movie})
            task = session.create("Task", {"name": "animation", "parent": shot})
            session.create("Note", {"content": "Softer.", "parent_id": task["id"], "parent_type": "Task"})
            session.commit()
            copy("Remake", tmp_path / "ours", project_server)
            session.delete(shot)
            session.commit()
    found = list(dump(tmp_path / "ours").values())
    (shot_id,) = (row["id"] for row in found if row["__entity_type__"] == "Shot")
    (task_row,) = (row for row in found if row["__entity_type__"] == "Task")
    assert task_row["parent_id"] == shot_id
    assert [row["parent_id"] for row in found if row["__entity_type__"] == "Note"] == [task_row["id"]] * 2


def test_an_unknown_project_is_reported_with_a_suggestion(project_server, tmp_path):
    done = ft_dcc("studio", "copy", "--project", "Flim", "--data", str(tmp_path / "new"), **environment(project_server))
    assert done.returncode == 2
    assert done.stderr == f"{project_server.url} has no project 'Flim'. Nearest names: Film.\n"
    assert not (tmp_path / "new").exists()


def test_an_unreachable_site_is_reported_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("ft_dcc.session.transport.http._RETRY_DELAYS_SECONDS", ())
    nowhere = {"FTRACK_SERVER": "http://127.0.0.1:9", "FTRACK_API_USER": "anna", "FTRACK_API_KEY": "key"}
    done = ft_dcc("studio", "copy", "--project", "Film", "--data", str(tmp_path / "new"), **nowhere)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "http://127.0.0.1:9" in done.stderr


def test_a_studio_cannot_be_copied_into_itself(project_server):
    done = ft_dcc(
        "studio", "copy", "--project", "Film", "--data", str(project_server.data), **environment(project_server)
    )
    assert done.returncode == 2
    assert "Give the address of the site." in done.stderr


def test_a_type_of_shots_that_the_studio_does_not_have_is_named():
    with pytest.raises(SettingInvalid, match="The studio has no type Scene, which the project uses"):
        map_to_target([{"__entity_type__": "Scene", "id": "s", "name": "sc010"}], {}, TargetIndex.of(iter(())))
