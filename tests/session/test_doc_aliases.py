"""What the published documents say, in the words of the schema."""

from __future__ import annotations

import uuid

import pytest

from ft_dcc.errors import (
    ImmutableAttributeError,
    OperationError,
    ReviewSessionClosed,
    ServerError,
    TransferFailed,
)
from ft_dcc.session.compat.query_aliases import translate_query
from ft_dcc.session.entity_types.schema import EntityTypes


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ('AssetVersion where name is "v001"', "AssetVersion where version is 1"),
        ('Version where name in ("v001", "Version 12")', "AssetVersion where version in (1, 12)"),
        ('AssetVersion where name not_in (v1, "other")', "AssetVersion where not ((version >= 1 and version <= 1))"),
        ("AssetVersion where name is none", "AssetVersion where version is none"),
        (
            'AssetVersion where name is "v002" and asset.name is "v001"',
            'AssetVersion where version is 2 and asset.name is "v001"',
        ),
        ("select name, description from Version", "select version, comment from AssetVersion"),
        ('ReviewSession where status is "Closed"', "ReviewSession where is_open is false"),
        ('ReviewSession where name is "status is open"', 'ReviewSession where name is "status is open"'),
        ('Task where name is "v001"', 'Task where name is "v001"'),
        ("AssetVersion where lists any (name is 'Dailies')", "AssetVersion where lists any (name is 'Dailies')"),
        (
            "AssetVersion where (name is 'v002' or components any (name is 'main' and (name is 'v1'))) and name is v3",
            "AssetVersion where (version is 2 or components any (name is 'main' and (name is 'v1'))) and version is 3",
        ),
        ("AssetVersion where asset.name is name", "AssetVersion where asset.name is name"),
        ("AssetVersion where custom_attributes[name] is 'x'", "AssetVersion where custom_attributes[name] is 'x'"),
        (
            "Version where asset_id in (select id from Asset where name is 'a') and name is 'v2'",
            "AssetVersion where asset_id in (select id from Asset where name is 'a') and version is 2",
        ),
        (
            'ReviewSessionObjectComment where review_session_object.id is "a" and text like "%chin%"',
            'Note where parent_id is "a" and content like "%chin%"',
        ),
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
    with pytest.raises(ReviewSessionClosed, match="Dailies is closed"):
        session.create("ReviewSessionObject", {"name": "late", "review_session": review})
    review["status"] = "open"
    session.commit()
    assert (review["status"], review["is_open"]) == ("Open", True)
    with pytest.raises(OperationError, match="Open or Closed, not 'ajar'"):
        review["status"] = "ajar"


def test_comment_becomes_a_note_on_the_object(session, project):
    review = session.create("ReviewSession", {"name": "Dailies", "project": project})
    item = session.create("ReviewSessionObject", {"name": "sh010_v001", "review_session": review})
    session.commit()
    comment = session.create("ReviewSessionObjectComment", {"review_session_object": item, "text": "Lift the chin."})
    session.commit()
    assert (comment.entity_type, comment["content"], comment["text"]) == ("Note", "Lift the chin.", "Lift the chin.")
    assert comment["review_session_object"] is item
    found = session.query(f'ReviewSessionObjectComment where review_session_object.id is "{item["id"]}"').all()
    assert found == [comment]


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


def test_a_closed_review_raises_one_class_of_error_from_session_and_server(session, open_session, project):
    review = session.create("ReviewSession", {"name": "Dailies", "project": project})
    session.commit()
    stale = (
        open_session().query(f"select name, start_date, end_date from ReviewSession where id is {review['id']}").one()
    )
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


@pytest.mark.parametrize("name", ["beauty.%04d.png [1001-1003]", "beauty.%04d.png", "beauty.####.png"])
@pytest.mark.parametrize("entity_type", ["FileComponent", "SequenceComponent"])
def test_a_sequence_is_uploaded_with_all_its_files(session, open_session, project_task, beauty, entity_type, name):
    version = session.create("Version", {"name": "v1", "task": project_task})
    data = {"name": "beauty", "version": version, "file_path": str(beauty / name)}
    component = session.create(entity_type, data)
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
    ("name", "reason"),
    [
        ("beauty.%04d.png [1001-1004]", r"beauty.1004.png is missing or empty"),
        ("another.%04d.png", "no file has this name"),
        ("another.####.png", "no file has this name"),
    ],
)
@pytest.mark.parametrize("entity_type", ["FileComponent", "SequenceComponent"])
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
