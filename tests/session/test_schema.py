import concurrent.futures
import logging

import pytest

from ft_dcc.errors import UnrecognisedEntityTypeError
from ft_dcc.session.entities import attribute as kinds
from ft_dcc.session.entity_types.schema import EntityTypes, SchemaCache, hash_of, text_of

TASK = {
    "id": "Task",
    "primary_key": ["id"],
    "immutable": ["id"],
    "computed": ["time_logged"],
    "default_projections": ["id", "name"],
    "properties": {
        "id": {"type": "string", "default": "{uid}"},
        "name": {"type": "string", "default": ""},
        "time_logged": {"type": "number"},
        "status": {"$ref": "Status"},
        "notes": {"type": "array", "items": {"$ref": "Note"}},
        "metadata": {"type": "mapped_array", "items": {"$ref": "Metadata"}},
        "custom_attributes": {"type": "mapped_array", "items": {"$ref": "ContextCustomAttributeValue"}},
        "custom_attribute_links": {
            "type": "mapped_array",
            "items": {"$ref": "CustomAttributeLink"},
            "restricted_projection": True,
        },
        "from_the_future": {"type": "hologram"},
    },
}


def test_each_kind_of_attribute_is_created():
    task = EntityTypes(lambda: [TASK])["Task"]
    assert {name: type(attribute) for name, attribute in task.attributes.items()} == {
        "id": kinds.ScalarAttribute,
        "name": kinds.ScalarAttribute,
        "time_logged": kinds.ScalarAttribute,
        "status": kinds.ReferenceAttribute,
        "notes": kinds.CollectionAttribute,
        "metadata": kinds.KeyValueAttribute,
        "custom_attributes": kinds.CustomAttributesAttribute,
    }
    assert task.__name__ == task.entity_type == "Task"
    assert task.primary_key_attributes == ["id"]
    assert task.default_projections == ["id", "name"]
    assert task.attributes["time_logged"].computed
    assert not task.attributes["id"].mutable


def test_class_is_created_once():
    types = EntityTypes(lambda: [TASK])
    assert types["Task"] is types["Task"]
    assert list(types) == ["Task"]
    assert "Shot" not in types


def test_unknown_type_is_reported_with_a_suggestion():
    with pytest.raises(UnrecognisedEntityTypeError, match=r"no entity type 'Tusk'\. Did you mean 'Task'\?"):
        EntityTypes(lambda: [TASK])["Tusk"]


def test_schemas_are_cached_for_the_servers_hash(tmp_path):
    cache = SchemaCache(tmp_path / "new" / "folder", "https://studio.example.com")
    schema_hash = hash_of(text_of([TASK]))
    assert cache.load(schema_hash) is None
    cache.save([TASK])
    assert cache.load(schema_hash) == text_of([TASK])
    assert cache.load("another") is None


def test_servers_have_separate_cache_files(tmp_path):
    first = SchemaCache(tmp_path, "https://a.example.com")
    assert first.path != SchemaCache(tmp_path, "https://b.example.com").path


@pytest.mark.parametrize("damaged", [b"", b"[", text_of([TASK])[:-1], b"\x00" * 500])
def test_damaged_file_is_ignored(tmp_path, damaged):
    cache = SchemaCache(tmp_path, "https://studio.example.com")
    cache.path.write_bytes(damaged)
    assert cache.load(hash_of(text_of([TASK]))) is None


def test_concurrent_writers_leave_a_complete_file(tmp_path):
    cache = SchemaCache(tmp_path, "https://studio.example.com")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(cache.save, [[TASK]] * 40))
    assert cache.load(hash_of(text_of([TASK]))) == text_of([TASK])
    assert [path.name for path in tmp_path.iterdir()] == [cache.path.name]


def test_unwritable_folder_is_only_logged(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        SchemaCache(tmp_path / "file", "https://studio.example.com").save([TASK])
    assert "cannot be written" in caplog.text
