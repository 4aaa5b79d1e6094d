"""A studio that serves a site's own schema."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.server.admin.import_export import import_entities
from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.auth.api_keys import first_user
from ft_dcc.server.bootstrap import open_server_context
from ft_dcc.server.context import ServerContext
from ft_dcc.server.schema.dsl_parser import read_schema
from ft_dcc.server.schema.json_schema import describe_schema, schema_hash

RECORDED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "ftrack_schemas.json"
OURS = describe_schema(read_schema())
PLATE, ROBOT = "7c5a1f0a-53d1-4c0f-9d0e-7d6f0a8f5c11", "Robot"


def described(name: str) -> dict[str, Any]:
    return copy.deepcopy(next(found for found in OURS if found["id"] == name))


def site() -> list[dict[str, Any]]:
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
def site_file(tmp_path: Path) -> Path:
    file = tmp_path / "ftrack_api_schema_cache.json"
    # As the official client writes it.
    file.write_text(json.dumps(site(), indent=4), "utf-8")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def served(folder: Path, site_file: Path) -> Iterator[ServerContext]:
    with open_server_context(folder, schema=site_file) as studio:
        yield studio


@pytest.fixture
def asking(served: ServerContext, client: Any) -> Any:
    with served.store.reading() as connection:
        return type(client)(make_dispatcher(served), first_user(connection))


def test_clients_get_the_schema_file_and_its_hash(asking: Any) -> None:
    schemas, information = asking.call({"action": "query_schemas"}, {"action": "query_server_information"})
    assert schemas == site()
    assert information["schema_hash"] == schema_hash(site())


def test_types_that_only_the_site_has_are_stored_as_data(asking: Any, tree: Any) -> None:
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
    assert [found["id"] for found in asking.query('Plate where robot.name is "R2" and robot.built < "2000-01-01"')] == [
        plate
    ]
    assert asking.query('TypedContext where name is "p1"')[0]["__entity_type__"] == "Plate"
    assert asking.names(f"select name from ObjectType where id is {PLATE}") == ["Plate"]


def test_types_that_the_site_lacks_are_unknown(asking: Any) -> None:
    with pytest.raises(Exception, match="no entity type 'Timer'"):
        asking.query("Timer")


def test_entities_of_site_types_can_be_loaded(served: ServerContext, asking: Any) -> None:
    lines = (
        b'{"__entity_type__": "Robot", "id": "r", "name": "C3", "pilots": [{"__entity_type__": "User", "id": "u"}]}\n'
    )
    assert (
        import_entities(served, io.BytesIO(lines + b'{"__entity_type__": "User", "id": "u", "username": "luke"}\n'))
        == 2
    )
    assert asking.names('Robot where pilots.username is "luke"') == ["C3"]


def test_the_folder_stores_the_schema_and_migrates_to_a_new_one(folder: Path, site_file: Path, client: Any) -> None:
    with open_server_context(folder) as studio:
        studio.store.write(lambda connection: None)
    with open_server_context(folder, schema=site_file) as studio, studio.store.reading() as connection:
        asker = type(client)(make_dispatcher(studio), first_user(connection))
        asker.create("Robot", name="R2")
    with open_server_context(folder) as studio, studio.store.reading() as connection:
        assert type(client)(make_dispatcher(studio), first_user(connection)).names("Robot") == ["R2"]
    assert len(list(folder.glob("studio-before-*.db"))) == 1


def test_a_type_cannot_have_another_primary_key(folder: Path, site_file: Path) -> None:
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
def test_a_file_that_is_not_a_schema_is_reported(folder: Path, site_file: Path, content: bytes, reason: str) -> None:
    site_file.write_bytes(content)
    with pytest.raises(SettingInvalid, match=reason), open_server_context(folder, schema=site_file):
        pass
    assert not (folder / "schema.json").exists()


def test_a_damaged_stored_schema_is_a_storage_error(folder: Path) -> None:
    (folder / "schema.json").write_text("{", "utf-8")
    with pytest.raises(StorageError, match="Restore it from a backup"), open_server_context(folder):
        pass


def test_the_recorded_schema_of_a_real_site_is_served(folder: Path, client: Any) -> None:
    if not RECORDED.exists():
        pytest.skip("the recorded schema of a real site is not here")
    with open_server_context(folder, schema=RECORDED) as studio, studio.store.reading() as connection:
        asker = type(client)(make_dispatcher(studio), first_user(connection))
        assert (
            asker.call({"action": "query_server_information"})[0]["schema_hash"] == "23a1157b8b1730fd91c76f63dcd67a8f"
        )
        project = asker.create("Project", name="rehearsal")
        asker.create("Task", name="animation", parent_id=project)
        assert asker.query("select status.name from Task")[0]["status"]["name"] == "Not started"


def test_review_url_can_be_queried_with_a_site_schema(served: ServerContext, client: Any) -> None:
    with served.store.reading() as connection:
        asker = type(client)(make_dispatcher(served), first_user(connection))
    project = asker.create("Project", name="film")
    key = asker.create("ReviewSession", name="Dailies", project_id=project)
    (found,) = asker.query("select review_url from ReviewSession")
    assert found["review_url"].startswith(f"http://studio.test/review/{key}/")
    assert "review_url" not in asker.query("ReviewSession")[0]
