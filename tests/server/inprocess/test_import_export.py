"""Entities as lines of JSON: into a studio, and out of it again."""

import io

import pytest
from doubles.operations import lines

from ft_dcc.server.admin.import_export import export_entities, import_entities
from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.auth.api_keys import first_user
from ft_dcc.server.context import open_server_context
from ft_dcc.server.errors import ValidationError


def row(entity_type, key, **values):
    return {"__entity_type__": entity_type, "id": key, **values}


VALUES = {"fstart": 1001, "resolution": "1920x1080"}
# Upside down: everything refers to what comes later.
TREE = [
    row("Note", "note", content="Softer.", parent_id="task", parent_type="Task"),
    row("FileComponent", "film", name="film", version=row("AssetVersion", "v1")),
    row("AssetVersion", "v1", asset_id="asset", task_id="task"),
    row("AssetVersion", "v2", asset_id="asset", task_id="task"),
    row("Asset", "asset", name="anim", parent=row("Shot", "shot")),
    row("Task", "task", name="animation", parent_id="shot", metadata={"renderer": "eevee"}),
    row("Shot", "shot", name="sh010", parent=row("Sequence", "seq"), custom_attributes=VALUES),
    row("Sequence", "seq", name="sq010", parent_id="film_project"),
    row("Project", "film_project", name="film", scopes=[row("Scope", "scope")]),
    row("Scope", "scope", name="feature"),
]


def dumped(studio):
    with studio.store.reading() as connection:
        return b"".join(export_entities(studio, connection))


@pytest.fixture
def fresh(tmp_path):
    with open_server_context(_folder(tmp_path / "fresh")) as studio:
        yield studio


def _folder(path):
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    with open_server_context(tmp_path_factory.mktemp("filled")) as studio:
        import_entities(studio, lines(*TREE))
        yield studio


@pytest.fixture
def ask_fresh(fresh, client):
    with fresh.store.reading() as connection:
        return type(client)(make_dispatcher(fresh), first_user(connection))


def test_lines_may_refer_to_later_lines(fresh, ask_fresh):
    assert import_entities(fresh, lines(*TREE)) == 10
    task = ask_fresh.query("select project.name, parent.name, status.name, type.name, metadata from Task")[0]
    assert (task["project"]["name"], task["parent"]["name"]) == ("film", "sh010")
    assert (task["status"]["name"], task["type"]["name"]) == ("Not started", "Generic")
    assert [(pair["key"], pair["value"]) for pair in task["metadata"]] == [("renderer", "eevee")]
    versions = ask_fresh.query("select version, user.username, is_published from AssetVersion order by version")
    assert [(found["id"], found["version"]) for found in versions] == [("v1", 1), ("v2", 2)]
    assert ask_fresh.names('Project where scopes any (name is "feature")') == ["film"]
    shot = ask_fresh.query('Shot where custom_attributes any (key is "fstart" and value is 1001)')
    assert [found["id"] for found in shot] == ["shot"]


def test_a_loaded_dump_is_dumped_identically(filled, fresh, tmp_path):
    first = dumped(filled)
    import_entities(fresh, io.BytesIO(first))
    assert dumped(fresh) == first
    with open_server_context(_folder(tmp_path / "bare"), is_seeded=False) as bare:
        import_entities(bare, io.BytesIO(first))
        assert dumped(bare) == first


def test_loading_into_a_new_studio_adds_the_seed_data(tmp_path):
    with open_server_context(_folder(tmp_path / "bare"), is_seeded=False) as bare:
        import_entities(bare, lines(*TREE))
        with bare.store.reading() as connection:
            user = first_user(connection)
    assert user is not None
    assert user.username == "admin"


def test_a_line_changes_only_the_attributes_that_it_has(fresh, ask_fresh):
    import_entities(fresh, lines(*TREE))
    import_entities(fresh, lines({"__entity_type__": "Task", "id": "task", "description": "Walk cycle"}))
    task = ask_fresh.query("select name, description, parent_id from Task")[0]
    assert (task["name"], task["description"], task["parent_id"]) == ("animation", "Walk cycle", "shot")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{", "Line 2: This is not JSON"),
        (b"[1]", "Line 2: This is not a JSON object with an __entity_type__"),
        (b'{"__entity_type__": "Robot"}', "Line 2: There is no entity type 'Robot'"),
        (b'{"__entity_type__": "Context", "name": "a"}', "Line 2: Context is a common base"),
        (b'{"__entity_type__": "Scope", "colour": 1}', "Line 2: Scope has no attribute 'colour'"),
        (b'{"__entity_type__": "Task", "name": "a", "bid": "long"}', "Line 2: 'Task.bid' must be of type number"),
        (b'{"__entity_type__": "Task", "name": "a"}', "Line 2: A Task needs a parent that exists"),
        (b'{"__entity_type__": "Task", "name": "a", "parent_id": "gone"}', "Line 2: A Task needs a parent that exists"),
        (
            b'{"__entity_type__": "ListObject", "list_id": "gone"}',
            "Line 2: list_id names the List 'gone', which does not exist",
        ),
        (b'{"__entity_type__": "Folder", "id": "film_project"}', "Line 2: There is an entity of another type"),
        (
            b'{"__entity_type__": "Sequence", "id": "x", "name": "sq010", "parent_id": "film_project"}',
            "Line 2: There is another Sequence in its place",
        ),
        (
            b'{"__entity_type__": "Shot", "id": "shot", "custom_attributes": {"no": 1}}',
            "Line 2: The Shot has no custom",
        ),
    ],
)
def test_an_invalid_line_is_reported_and_nothing_is_loaded(filled, bad, reason):
    before = dumped(filled)
    good = b'{"__entity_type__": "Scope", "name": "short"}\n'
    with pytest.raises(ValidationError) as caught:
        import_entities(filled, io.BytesIO(good + bad + b"\n" + good))
    assert str(caught.value).startswith(reason)
    assert str(caught.value).endswith("Nothing was imported.")
    assert dumped(filled) == before


# More lines than are recorded in the audit log at once, and than one statement has ids.
def test_many_lines_load_in_any_order(fresh, ask_fresh):
    tasks = [row("Task", f"t{number}", name=f"task{number}", parent_id="shot") for number in range(2100)]
    assert import_entities(fresh, lines(*tasks, *TREE)) == 2110
    assert len(ask_fresh.query('Task where project.name is "film" and status.name is "Not started"')) == 2101
