"""A project goes from one studio server into another studio: everything that belongs to it, and nothing else."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest

from ft_dcc.cli.main import run
from ft_dcc.server.owner import dumped
from ft_dcc.server.schema.notation import read_schema
from ft_dcc.server.schema.wire import describe
from ft_dcc.session import SERVER_LOCATION_ID, Session, operations
from ft_dcc.session.transfer import upload

FILM = b"not quite a film" * 4096


def ft_dcc(*arguments: str, **environ: str) -> SimpleNamespace:
    """Run the command in this process, with these variables in its environment."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with mock.patch.dict(os.environ, environ), redirect_stdout(stdout), redirect_stderr(stderr):
        code = run(arguments)
    return SimpleNamespace(returncode=code, stdout=stdout.getvalue(), stderr=stderr.getvalue())


def environment(server: Any) -> dict[str, str]:
    known = server.credentials
    return {
        "FTRACK_SERVER": known.server_url,
        "FTRACK_API_USER": known.api_user,
        "FTRACK_API_KEY": known.api_key,
    }


def dump(folder: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return the entities of a studio, by what makes them different from others."""
    found = map(json.loads, dumped(folder))
    return {(row["__entity_type__"], row.get("id") or json.dumps(row, sort_keys=True)): row for row in found}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, start_module_server: Callable[..., Any]) -> Any:
    """A site with the project Film, one of nearly everything in it, and another project that refers to it."""
    server = start_module_server(tmp_path_factory.mktemp("site") / "data")
    known = server.credentials
    with Session(known.server_url, known.api_key, known.api_user) as session:
        _fill(session, tmp_path_factory.mktemp("media"))
    return server


def _fill(session: Session, folder: Path) -> None:
    schema = session.query("ProjectSchema").one()
    film = session.create("Project", {"name": "Film", "full_name": "The Film", "project_schema": schema})
    other = session.create("Project", {"name": "Other", "project_schema": schema})
    anna = session.create("User", {"username": "anna", "first_name": "Anna", "is_active": True})
    group = session.create("Group", {"name": "animators", "local": False})
    session.create("Membership", {"user": anna, "group": group})
    sequence = session.create("Sequence", {"name": "sq010", "parent": film})
    shot = session.create("Shot", {"name": "sh010", "parent": sequence})
    task = session.create("Task", {"name": "animation", "parent": shot})
    foreign = session.create("Task", {"name": "elsewhere", "parent": other})
    session.create("TypedContextLink", {"from": shot, "to": task})
    session.create("TypedContextLink", {"from": shot, "to": foreign})
    session.create("Appointment", {"context": task, "resource": anna, "type": "assignment"})
    session.create("Appointment", {"context": shot, "resource": group, "type": "allocation"})
    kind = session.query('AssetType where short is "playblast"').one()
    asset = session.create("Asset", {"name": "anim", "parent": shot, "type": kind})
    version = session.create("AssetVersion", {"asset": asset, "task": task, "comment": "First blocking", "user": anna})
    alien = session.create("Asset", {"name": "alien", "parent": other, "type": kind})
    alien_version = session.create("AssetVersion", {"asset": alien, "task": foreign})
    session.create("AssetVersionLink", {"from": version, "to": alien_version})
    review = session.create("ReviewSession", {"name": "Dailies", "project": film})
    member = session.create("ReviewSessionObject", {"review_session": review, "asset_version": version, "name": "anim"})
    invitee = session.create(
        "ReviewSessionInvitee", {"review_session": review, "name": "Ida", "email": "ida@example.com"}
    )
    session.commit()
    session.create("ReviewSessionObjectStatus", {"review_session_object": member, "invitee": invitee, "status": "seen"})
    note = session.create(
        "Note", {"content": "Softer.", "parent_id": member["id"], "parent_type": "ReviewSessionObject"}
    )
    category = session.query("ListCategory").first()
    chosen = session.create("AssetVersionList", {"name": "Selects", "project": film, "category": category})
    session.commit()
    session.create(
        "Note",
        {"content": "Will do.", "in_reply_to": note, "parent_id": member["id"], "parent_type": "ReviewSessionObject"},
    )
    for listed in (version, alien_version):
        session.create("ListObject", {"list_id": chosen["id"], "entity_id": listed["id"]})
    shot["custom_attributes"]["fstart"] = 1001
    task["metadata"]["renderer"] = "eevee"
    session.commit()
    task["status"] = session.query('Status where name is "Approved"').one()
    review["passphrase"], review["passphrase_enabled"] = "open sesame", True
    session.commit()
    path = folder / "film.mp4"
    path.write_bytes(FILM)
    component_id = str(uuid4())
    upload(session, path, component_id=component_id, name="film", file_type=".mp4")
    location = {"component_id": component_id, "location_id": SERVER_LOCATION_ID, "resource_identifier": component_id}
    session.call(
        [
            operations.update("FileComponent", component_id, {"version_id": version["id"]}),
            operations.create("ComponentLocation", {"id": str(uuid4()), **location}),
        ]
    )


@pytest.fixture(scope="module")
def rest(tmp_path_factory: pytest.TempPathFactory, site: Any) -> Iterator[Path]:
    """A folder that Film was copied into."""
    folder = tmp_path_factory.mktemp("rest") / "data"
    # As a large project comes: in many pages.
    with mock.patch.multiple("ft_dcc.project_copy", _AT_ONCE=3, _PAGE=2, _IN_ONE_REQUEST=2):
        done = ft_dcc("studio", "copy", "--project", "Film", "--data", str(folder), **environment(site))
    assert done.returncode == 0, done.stderr
    assert "      1 AssetVersion\n" in done.stdout, done.stdout
    yield folder


# Not copied: what is another project's, what says that bytes are there, and who may do what.
ELSEWHERE = ("Other", "elsewhere", "alien")


def test_a_copy_has_everything_of_the_project_as_the_site_has_it(site, rest):
    there, here = dump(site.data), dump(rest)
    missing = {key: row for key, row in there.items() if key not in here}
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


def test_passphrases_stay_where_they_are(rest):
    here = dump(rest)
    (review,) = (row for (type_name, _), row in here.items() if type_name == "ReviewSession")
    assert (review["name"], review.get("passphrase"), review["passphrase_enabled"]) == ("Dailies", None, True)


def test_a_second_copy_brings_what_has_changed_and_doubles_nothing(site, rest):
    before = dump(rest)
    known = site.credentials
    with Session(known.server_url, known.api_key, known.api_user) as session:
        session.query('AssetVersion where comment is "First blocking"').one()["comment"] = "Second blocking"
        session.commit()
    done = ft_dcc("studio", "copy", "--project", "The Film", "--data", str(rest), "--json", **environment(site))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["entities"]["Note"], report["left_out"]) == (
        2,
        {"AssetVersionLink": 1, "ListObject": 1, "TypedContextLink": 1},
    )
    after = dump(rest)
    assert after.keys() == before.keys()
    (changed,) = (key for key in after if after[key] != before[key])
    assert (before[changed]["comment"], after[changed]["comment"]) == ("First blocking", "Second blocking")


def test_a_copy_into_a_running_studio_has_the_media_when_asked(site, start_server):
    server = start_server()
    arguments = ("studio", "copy", "--project", "Film", "--media", "--json", "--data", str(server.data))
    done = ft_dcc(*arguments, **environment(site))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["media"] == {"files": 1, "bytes": len(FILM), "missing": 0}
    known = server.credentials
    with Session(known.server_url, known.api_key, known.api_user) as session:
        location = session.query("select component.name, component.size from ComponentLocation").one()
        assert (location["component"]["name"], location["component"]["size"]) == ("film", len(FILM))
    again = ft_dcc(*arguments, **environment(site))
    assert json.loads(again.stdout)["media"] == {"files": 0, "bytes": 0, "missing": 0}


def test_words_that_the_studio_has_under_other_ids_are_not_doubled(site, tmp_path):
    """A user, a status and a custom attribute of the same names stand for the site's."""
    folder = tmp_path / "own"
    own = [
        {"__entity_type__": "User", "id": "own anna", "username": "anna", "is_active": True},
        {"__entity_type__": "UserType", "id": "own type", "name": "Owner"},
    ]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in own), "utf-8")
    assert ft_dcc("studio", "user", "someone", "--data", str(folder)).returncode == 0
    assert ft_dcc("studio", "load", str(tmp_path / "own.jsonl"), "--data", str(folder)).returncode == 0
    done = ft_dcc("studio", "copy", "--project", "Film", "--data", str(folder), **environment(site))
    assert done.returncode == 0, done.stderr
    here = dump(folder)
    assert [row["id"] for row in here.values() if row.get("username") == "anna"] == ["own anna"]
    (version,) = (row for row in here.values() if row["__entity_type__"] == "AssetVersion")
    assert version["user_id"] == "own anna"


def test_a_shot_that_was_made_again_on_the_site_is_still_one_shot(site, tmp_path):
    known = site.credentials
    arguments = ("studio", "copy", "--project", "Remake", "--data", str(tmp_path / "ours"))
    with Session(known.server_url, known.api_key, known.api_user) as session:
        film = session.create("Project", {"name": "Remake", "project_schema": session.query("ProjectSchema").one()})
        for _ in range(2):
            shot = session.create("Shot", {"name": "sh010", "parent": film})
            task = session.create("Task", {"name": "animation", "parent": shot})
            session.create("Note", {"content": "Softer.", "parent_id": task["id"], "parent_type": "Task"})
            session.commit()
            done = ft_dcc(*arguments, **environment(site))
            assert done.returncode == 0, done.stderr
            session.delete(shot)
            session.commit()
    found = list(dump(tmp_path / "ours").values())
    (shot_id,) = (row["id"] for row in found if row["__entity_type__"] == "Shot")
    (task_row,) = (row for row in found if row["__entity_type__"] == "Task")
    assert task_row["parent_id"] == shot_id
    assert [row["parent_id"] for row in found if row["__entity_type__"] == "Note"] == [task_row["id"]] * 2


def test_a_project_that_is_not_there_is_one_sentence_with_the_nearest(site, tmp_path):
    done = ft_dcc("studio", "copy", "--project", "Flim", "--data", str(tmp_path / "new"), **environment(site))
    assert done.returncode == 2
    assert done.stderr == f"{site.url} has no project 'Flim'. The nearest: Film.\n"
    assert not (tmp_path / "new").exists()


def test_a_site_that_does_not_answer_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("ft_dcc.session.wire._PAUSES", ())
    nowhere = {"FTRACK_SERVER": "http://127.0.0.1:9", "FTRACK_API_USER": "anna", "FTRACK_API_KEY": "key"}
    done = ft_dcc("studio", "copy", "--project", "Film", "--data", str(tmp_path / "new"), **nowhere)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "http://127.0.0.1:9" in done.stderr


def test_a_studio_is_not_copied_into_itself(site):
    done = ft_dcc("studio", "copy", "--project", "Film", "--data", str(site.data), **environment(site))
    assert done.returncode == 2
    assert "Set it to the site to copy from." in done.stderr


def test_a_site_of_another_schema_needs_a_studio_that_knows_its_types(tmp_path, start_server):
    """An attribute that the studio does not know is left out; a kind of shot that it does not know is named."""
    schemas = describe(read_schema())
    by_name = {schema["id"]: schema for schema in schemas}
    by_name["AssetVersion"]["properties"]["grade"] = {"type": "string"}
    scene = json.loads(json.dumps(by_name["Shot"]))
    scene["id"], scene["properties"]["object_type_id"]["default"] = "Scene", str(uuid4())
    scene["alias_for"]["classifiers"] = {"object_typeid": scene["properties"]["object_type_id"]["default"]}
    (tmp_path / "schema.json").write_text(json.dumps([*schemas, scene]), "utf-8")
    server = start_server(tmp_path / "site", "--schema", str(tmp_path / "schema.json"))
    known = server.credentials
    with Session(known.server_url, known.api_key, known.api_user) as session:
        film = session.create("Project", {"name": "Film", "project_schema": session.query("ProjectSchema").one()})
        kind = session.query('AssetType where short is "upload"').one()
        asset = session.create("Asset", {"name": "edit", "parent": film, "type": kind})
        session.create("AssetVersion", {"asset": asset, "grade": "warm"})
        session.commit()
        done = ft_dcc("studio", "copy", "--project", "Film", "--data", str(tmp_path / "ours"), **environment(server))
        assert done.returncode == 0, done.stderr
        assert [row["version"] for (name, _), row in dump(tmp_path / "ours").items() if name == "AssetVersion"] == [1]
        session.create("Scene", {"name": "sc010", "parent": film})
        session.commit()
    done = ft_dcc("studio", "copy", "--project", "Film", "--data", str(tmp_path / "ours"), **environment(server))
    assert (done.returncode, done.stderr.split(" Give")[0]) == (2, "The studio has no Scene, which the project uses.")
    done = ft_dcc(
        *("studio", "copy", "--project", "Film", "--with-schema", "--data", str(tmp_path / "ours")),
        **environment(server),
    )
    assert done.returncode == 0, done.stderr
    found = dump(tmp_path / "ours").values()
    assert [row["name"] for row in found if row["__entity_type__"] == "Scene"] == ["sc010"]
    assert [row["grade"] for row in found if row["__entity_type__"] == "AssetVersion"] == ["warm"]
