"""A studio that serves a site's own schema."""

import copy
import json

import pytest
from doubles.operations import lines

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.server.admin.import_export import import_entities
from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.auth.api_keys import first_user
from ft_dcc.server.context import open_server_context
from ft_dcc.server.schema.dsl_parser import read_schema
from ft_dcc.server.schema.json_schema import describe_schema, schema_hash

OURS = describe_schema(read_schema())
PLATE, ROBOT = "7c5a1f0a-53d1-4c0f-9d0e-7d6f0a8f5c11", "Robot"


def described(name):
    return copy.deepcopy(next(found for found in OURS if found["id"] == name))


def site():
    """Return the schema of a site that has more than ours, and less."""
    plate = described("Shot")
    plate.update(id="Plate", alias_for={"id": "Task", "classifiers": {"object_typeid": PLATE}})
    plate["properties"]["object_type_id"]["default"] = PLATE
    plate["properties"]["lens"] = {"type": "string"}
    foreign_key = {"type": "string", "format": "foreign_key", "description": "Foreign key(s): Robot.id"}
    plate["properties"].update(robot_id=foreign_key, robot={"$ref": "Robot"})
    robot = {
        "id": ROBOT,
        "type": "object",
        "primary_key": ["id"],
        "default_projections": ["id", "name"],
        "required": [],
        "immutable": ["id"],
        "properties": {
            "id": {"type": "string", "default": "{uid}"},
            "name": {"type": "string"},
            "arms": {"type": "integer", "default": 2},
            "built": {"type": "string", "format": "date-time"},
            "settings": {"type": "object"},
            "plates": {"type": "array", "items": {"$ref": "Plate"}},
            "pilots": {"type": "array", "items": {"$ref": "User"}},
            "owner": {"$ref": "User"},
        },
    }
    known = [found for found in copy.deepcopy(OURS) if found["id"] not in ("Timer", "Forecast")]
    for found in known:
        found["properties"].pop("review_url", None)  # No site has it.
    return [*known, plate, robot]


@pytest.fixture
def site_file(tmp_path):
    file = tmp_path / "ftrack_api_schema_cache.json"
    # As the official client writes it.
    file.write_text(json.dumps(site(), indent=4), "utf-8")
    return file


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def served(folder, site_file):
    with open_server_context(folder, schema=site_file) as studio:
        yield studio


@pytest.fixture
def asking(served, client):
    with served.store.reading() as connection:
        return type(client)(make_dispatcher(served), first_user(connection))


def test_clients_get_the_schema_file_and_its_hash(asking):
    schemas, information = asking.call({"action": "query_schemas"}, {"action": "query_server_information"})
    assert schemas == site()
    assert information["schema_hash"] == schema_hash(site())


def test_types_that_only_the_site_has_are_stored_as_data(asking, tree):
    user = asking.query("User")[0]
    robot = asking.create("Robot", name="R2", built="1977-05-25", settings={"loud": True}, owner=user, pilots=[user])
    project = asking.create("Project", name="desert")
    plate = asking.create("Plate", name="p1", parent_id=project, lens="35mm", robot_id=robot)
    found = asking.query("select name, arms, settings, owner, plates.lens, pilots.username from Robot")[0]
    assert (found["name"], found["arms"], found["settings"]) == ("R2", 2, {"loud": True})
    assert found["owner"]["id"] == user["id"]
    assert [plate["lens"] for plate in found["plates"]] == ["35mm"]
    assert [pilot["id"] for pilot in found["pilots"]] == [user["id"]]
    assert asking.names('Robot where owner.username is "admin" and pilots any (username is "admin")') == ["R2"]
    found = asking.query('Plate where robot.name is "R2" and robot.built < "2000-01-01"')
    assert [each["id"] for each in found] == [plate]
    assert asking.query('TypedContext where name is "p1"')[0]["__entity_type__"] == "Plate"
    assert asking.names(f"select name from ObjectType where id is {PLATE}") == ["Plate"]


def test_types_that_the_site_lacks_are_unknown(asking):
    with pytest.raises(Exception, match="no entity type 'Timer'"):
        asking.query("Timer")


def test_entities_of_site_types_can_be_loaded(served, asking):
    pilot = {"__entity_type__": "User", "id": "u"}
    robot = {"__entity_type__": "Robot", "id": "r", "name": "C3", "pilots": [pilot]}
    assert import_entities(served, lines(robot, {**pilot, "username": "luke"})) == 2
    assert asking.names('Robot where pilots.username is "luke"') == ["C3"]


def test_the_folder_stores_the_schema_and_migrates_to_a_new_one(folder, site_file, client):
    with open_server_context(folder) as studio:
        studio.store.write(lambda connection: None)
    with open_server_context(folder, schema=site_file) as studio, studio.store.reading() as connection:
        asker = type(client)(make_dispatcher(studio), first_user(connection))
        asker.create("Robot", name="R2")
    with open_server_context(folder) as studio, studio.store.reading() as connection:
        assert type(client)(make_dispatcher(studio), first_user(connection)).names("Robot") == ["R2"]
    assert len(list(folder.glob("studio-before-*.db"))) == 1


def test_a_type_cannot_have_another_primary_key(folder, site_file):
    with open_server_context(folder, schema=site_file):
        pass
    changed = site()
    changed[-1]["primary_key"] = ["name"]
    site_file.write_text(json.dumps(changed), "utf-8")
    with pytest.raises(SettingInvalid, match="gives robot other keys"), open_server_context(folder, schema=site_file):
        pass


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[{", "is damaged: it is not JSON"),
        (b'{"a": 1}', "is not a schema"),
        (b"[]", "is not a schema"),
        (b'[{"id": "Task"}]', "its entity type 1 has no name, no key or no properties"),
        (json.dumps([described("Task"), described("User")]).encode(), "lacks required types: Project, Typed"),
    ],
)
def test_a_file_that_is_not_a_schema_is_reported(folder, site_file, content, reason):
    site_file.write_bytes(content)
    with pytest.raises(SettingInvalid, match=reason), open_server_context(folder, schema=site_file):
        pass
    assert not (folder / "schema.json").exists()


def test_a_damaged_stored_schema_is_a_storage_error(folder):
    (folder / "schema.json").write_text("{", "utf-8")
    with pytest.raises(StorageError, match="Restore it from a backup"), open_server_context(folder):
        pass


def test_review_url_can_be_queried_with_a_site_schema(asking):
    key = asking.create("ReviewSession", name="Dailies", project_id=asking.create("Project", name="film"))
    (found,) = asking.query("select review_url from ReviewSession")
    assert found["review_url"].startswith(f"http://studio.test/review/{key}/")
    assert "review_url" not in asking.query("ReviewSession")[0]
