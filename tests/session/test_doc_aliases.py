"""What the published documents say, in the words of the schema, and the examples of the project's own pages."""

import re
import uuid
from pathlib import Path

import pytest

from ft_dcc.errors import ImmutableAttributeError, OperationError, ReviewSessionClosed, ServerError, TransferFailed
from ft_dcc.session.compat.query_aliases import translate_query
from ft_dcc.session.entity_types.schema import EntityTypes


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ('AssetVersion where name is "v001"', "AssetVersion where version is 1"),
        ('Version where name in ("v001", "Version 12")', "AssetVersion where version in (1, 12)"),
        ('AssetVersion where name not_in (v1, "other")', "AssetVersion where version not_in (1, 0)"),
        ("select name, description from Version", "select version, comment from AssetVersion"),
        ('ReviewSession where name is "status is open"', 'ReviewSession where name is "status is open"'),
        ('Task where name is "v001"', 'Task where name is "v001"'),
        ("AssetVersion where lists any (name is 'Dailies')", "AssetVersion where lists any (name is 'Dailies')"),
        (
            "AssetVersion where (name is 'v002' or components any (name is 'main' and (name is 'v1'))) and name is v3",
            "AssetVersion where (version is 2 or components any (name is 'main' and (name is 'v1'))) and version is 3",
        ),
        ("AssetVersion where asset.name is name", "AssetVersion where asset.name is name"),
        ("AssetVersion where custom_attributes[name] is 'x'", "AssetVersion where custom_attributes[name] is 'x'"),
    ],
)
def test_query_is_translated_to_the_schema(session, spoken, written):
    assert translate_query(spoken, session.types) == written


def test_attributes_of_the_schema_are_not_translated(session):
    schemas = {**session.types.schemas}
    version = schemas["AssetVersion"]
    schemas["AssetVersion"] = {**version, "properties": {**version["properties"], "name": {"type": "string"}}}
    types = EntityTypes(lambda: list(schemas.values()))
    asked = "AssetVersion where name is 'v001' and description is 'x'"
    assert translate_query(asked, types) == "AssetVersion where name is 'v001' and comment is 'x'"


def test_versions_of_a_task_share_one_asset_and_are_numbered(session, project_task, open_session):
    first = session.create("Version", {"name": "Version 1", "task": project_task, "description": "blocking"})
    second = session.create("Version", {"name": "Version 2", "task": project_task})
    session.commit()
    assert (first["name"], second["name"]) == ("v001", "v002")
    seen = open_session().get("Version", first["id"])
    assert (seen["comment"], seen["description"], seen["asset"]["name"]) == ("blocking", "blocking", "animation")
    assert seen["asset"]["parent"]["id"] == project_task["parent_id"]
    assert second["asset_id"] == seen["asset_id"]
    with pytest.raises(ImmutableAttributeError, match="the server gives the number"):
        first["name"] = "v007"
    with pytest.raises(OperationError, match="needs a task or an asset"):
        session.create("Version", {"name": "nothing"})


def test_closed_review_can_be_opened_again(session, project):
    review = session.create("ReviewSession", {"name": "Dailies", "project": project, "status": "open"})
    session.commit()
    assert review["status"] == "Open"
    review["status"] = "Closed"
    session.commit()
    assert (review["status"], review["is_open"]) == ("Closed", False)
    review["status"] = "open"
    session.commit()
    assert (review["status"], review["is_open"]) == ("Open", True)
    with pytest.raises(OperationError, match="Open or Closed, not 'ajar'"):
        review["status"] = "ajar"


def test_missing_file_leaves_nothing_behind(session, project_task, tmp_path, open_session):
    movie = tmp_path / "film.mov"
    movie.write_bytes(b"a film")
    name = uuid.uuid4().hex
    version = session.create("Version", {"task": project_task})
    version["components"] = [
        {"name": name, "file_path": str(movie)},
        {"name": f"{name}-2", "file_path": str(tmp_path / "missing.mov")},
    ]
    with pytest.raises(TransferFailed, match=r"missing\.mov"):
        session.commit()
    assert open_session().query(f"FileComponent where name like '{name}%'").all() == []
    assert len(session.recorded_operations) > 0
    (tmp_path / "missing.mov").write_bytes(b"there it is")
    session.commit()
    seen = open_session().get("AssetVersion", version["id"])
    # While the server tries to encode them, there are components that it makes and takes away again.
    found = {each["name"]: each["size"] for each in seen["components"] if each["name"].startswith(name)}
    assert found == {name: 6, f"{name}-2": 11}


def test_a_shot_in_a_review_session_shows_its_newest_version(session, project, project_shot):
    review = session.create("ReviewSession", {"name": "Dailies", "project": project})
    asset = session.create(
        "Asset", {"name": "anim", "parent": project_shot, "type": session.query("AssetType").first()}
    )
    session.create("AssetVersion", {"asset": asset})
    session.commit()
    item = session.create("ReviewSessionObject", {"review_session": review, "shot": project_shot})
    newest = session.create("AssetVersion", {"asset": asset})
    session.commit()
    session.reset()
    assert session.get("ReviewSessionObject", item["id"])["version_id"] == newest["id"]


def test_media_for_an_object_that_follows_an_empty_shot_is_refused(session, project, project_shot):
    review = session.create("ReviewSession", {"name": "Dailies", "project": project})
    item = session.create("ReviewSessionObject", {"review_session": review, "shot": project_shot})
    session.commit()
    with pytest.raises(OperationError, match="has no version yet"):
        session.create("ReviewSessionObjectComponent", {"review_session_object": item, "name": "movie"})


def test_a_closed_review_raises_one_class_of_error_from_session_and_server(session, open_session, project):
    review = session.create("ReviewSession", {"name": "Dailies", "project": project})
    session.commit()
    known = "select name, start_date, end_date from ReviewSession"
    stale = open_session().query(f"{known} where id is {review['id']}").one()
    review["status"] = "Closed"
    session.commit()
    with pytest.raises(ReviewSessionClosed, match="Dailies is closed"):
        session.create("ReviewSessionObject", {"name": "late", "review_session": review})
    stale["name"] = "changed"
    with pytest.raises(ReviewSessionClosed, match="'Dailies' is closed") as caught:
        stale.session.commit()
    assert isinstance(caught.value, ServerError)
    assert caught.value.error_code == "review_session_closed"
    stale.session.rollback()


def test_comments_media_and_invitations_are_read_as_they_were_written(session, open_session, project, tmp_path):
    (tmp_path / "one.mov").write_bytes(b"one")
    review = session.create("ReviewSession", {"name": "Dailies", "project": project})
    item = session.create("ReviewSessionObject", {"name": "shot_001_v001", "review_session": review})
    values = {"review_session_object": item, "name": "movie", "file_path": str(tmp_path / "one.mov")}
    media = session.create("ReviewSessionObjectComponent", values)
    assert media["review_session_object"] is item
    values = {"review_session_object": item, "text": "Lift the chin.", "frame": 1010}
    comment = session.create("ReviewSessionObjectComment", values)
    user = session.ensure("User", {"username": "ada", "email": "ada@example.com"}, ["username"])
    values = {"review_session": review, "user": user, "invitation_status": "sent"}
    invitee = session.create("ReviewSessionInvitee", values)
    assert invitee["invitation_status"] == "sent"
    session.commit()
    assert (invitee["invitation_status"], comment["frame_number"]) == ("sent", 1010)
    seen = open_session()
    assert seen.get("ReviewSessionObjectComponent", media["id"])["review_session_object"]["id"] == item["id"]
    sent = 'ReviewSessionInvitee where invitation_status is "sent" and review_session.id is "{id}"'
    assert [each["name"] for each in seen.query(sent.format(id=review["id"]))] == ["ada"]
    assert seen.get("ReviewSessionObjectComment", comment["id"])["frame"] == 1010


@pytest.mark.parametrize(
    ("values", "reason"),
    [({"asset": None, "name": "sh010"}, "has no attribute 'asset'"), ({}, "has neither a version nor a name")],
)
def test_an_object_without_a_version_is_refused_unless_a_name_stands_for_a_new_one(session, project, values, reason):
    review = session.create("ReviewSession", {"name": "Dailies", "project": project})
    with pytest.raises(OperationError, match=rf"{reason}. Pass asset_version"):
        session.create("ReviewSessionObject", {"review_session": review, **values})
    session.rollback()


@pytest.fixture
def beauty(tmp_path):
    """Write frames 1001 to 1003 of a sequence."""
    for frame in (1001, 1002, 1003):
        (tmp_path / f"beauty.{frame}.png").write_bytes(b"frame %d" % frame)
    return tmp_path


@pytest.mark.parametrize(
    ("entity_type", "name"),
    [("FileComponent", "beauty.%04d.png [1001-1003]"), ("SequenceComponent", "beauty.####.png")],
)
def test_a_sequence_is_uploaded_with_all_its_files(session, open_session, project_task, beauty, entity_type, name):
    version = session.create("Version", {"name": "v1", "task": project_task})
    component = session.create(entity_type, {"name": "beauty", "version": version, "file_path": str(beauty / name)})
    session.commit()
    fresh = open_session()
    found = fresh.get("SequenceComponent", component["id"])
    assert (found["version"]["id"], found["padding"], found["file_type"]) == (version["id"], 4, ".png")
    assert found["size"] == len(b"frame 1001") * 3
    assert sorted(member["name"] for member in found["members"]) == ["1001", "1002", "1003"]
    assert set(found.get_availability().values()) == {0.0, 100.0}
    (member,) = [member for member in found["members"] if member["name"] == "1002"]
    server = fresh.query('Location where name is "ftrack.server"').one()
    with server.accessor.open(member["id"], "rb") as file:
        assert file.read() == b"frame 1002"


@pytest.mark.parametrize(
    ("entity_type", "name", "reason"),
    [
        ("FileComponent", "beauty.%04d.png [1001-1004]", r"beauty.1004.png is missing or empty"),
        ("SequenceComponent", "another.%04d.png", "no file has this name"),
    ],
)
def test_an_incomplete_sequence_is_refused_and_nothing_is_committed(
    session, open_session, project_task, beauty, entity_type, name, reason
):
    version = session.create("Version", {"name": "v1", "task": project_task})
    session.commit()
    with pytest.raises(OperationError, match=reason):
        session.create(entity_type, {"name": "beauty", "version": version, "file_path": str(beauty / name)})
    session.commit()
    assert open_session().query(f"Component where version_id is {version['id']}").all() == []


@pytest.mark.parametrize(
    ("entity_type", "name"),
    [("SequenceComponent", "one.mov"), ("ContainerComponent", "one.mov"), ("FileComponent", "")],
)
def test_a_path_that_a_component_cannot_have_is_refused(session, open_session, project_task, beauty, entity_type, name):
    version = session.create("Version", {"name": "v1", "task": project_task})
    session.commit()
    path = str(beauty / name) if name else ""
    with pytest.raises(OperationError):
        session.create(entity_type, {"name": "beauty", "version": version, "file_path": path})
    session.commit()
    assert open_session().query(f"Component where version_id is {version['id']}").all() == []


ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "td" / "session.md"


@pytest.fixture
def names(session, project, project_shot, project_task, signed_in, tmp_path):
    asset = session.create("Asset", {"name": "film", "parent": project_shot})
    session.commit()
    movie = tmp_path / "film.mov"
    movie.write_bytes(b"a film" * 100)
    user = session.query("User where username is 'admin'").one()
    entities = {"project": project, "shot": project_shot, "task": project_task, "asset": asset, "user": user}
    return {"__name__": "document", "session": session, **entities, "film": movie, "folder": tmp_path}


def _python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_every_example_of_the_session_runs(names):
    blocks = _python_blocks(PAGE)
    assert len(blocks) == 15
    for number, block in enumerate(blocks):
        # The first example is a script of its own; the others go on with one another's names.
        scope = names if number else dict(names)
        exec(compile(block, f"example {number + 1} of {PAGE.name}", "exec"), scope)  # noqa: S102


def test_readme_example_prints_the_newest_versions(names, session, capsys):
    task = session.create("Task", {"name": "Animation", "parent": names["shot"]})
    session.create("AssetVersion", {"asset": names["asset"], "task": task, "comment": "as in the README"})
    session.commit()
    (block,) = _python_blocks(ROOT / "README.md")
    exec(compile(block, "the README's example", "exec"), names)  # noqa: S102
    assert "film 1 as in the README" in capsys.readouterr().out
