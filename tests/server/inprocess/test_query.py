"""The query language, asked of a real database."""

from uuid import uuid4

import pytest
from doubles.operations import keyed

from ft_dcc.server.errors import ValidationError


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ('name is "animation"', ["animation", "animation"]),
        ("name = animation", ["animation", "animation"]),
        ('name is_not "animation"', ["layout"]),
        ("name != animation", ["layout"]),
        ('name like "LAY%"', ["layout"]),
        ('name like "lay_ut"', ["layout"]),
        ('name like "lay\\_ut"', []),
        ('name not_like "%o%"', []),
        ("name in (layout, nothing)", ["layout"]),
        ('name in ("layout","animation")', ["animation", "layout", "animation"]),
        ("name not_in (layout)", ["animation", "animation"]),
        ('name in ("")', []),
        ("name in ()", []),
        ('parent.name is "sh010"', ["animation", "layout"]),
        ('parent[Shot].name is "sh020"', ["animation"]),
        ('parent[Sequence].name is "sq010"', []),
        ('parent.parent[Sequence].name is "sq010" and name is layout', ["layout"]),
        ('parent has (name is "sh010" and parent.name is sq010)', ["animation", "layout"]),
        ('not parent has (name is "sh010")', ["animation"]),
        ('ancestors.name is "sq010"', ["animation", "layout", "animation"]),
        ('ancestors any (name is "sh020")', ["animation"]),
        ("not ancestors any (name is sh020)", ["animation", "layout"]),
        ("assignments any ()", []),
        ("not assignments any ()", ["animation", "layout", "animation"]),
        ("description is None", ["animation", "layout", "animation"]),
        ("description is_not none", []),
        ("not description is x", ["animation", "layout", "animation"]),
        ("status.state.short is NOT_STARTED and name is layout", ["layout"]),
        ("bid >= 0 and bid < 1 and name is layout", ["layout"]),
        ("bid is 0 and bid is '0' and name is layout", ["layout"]),
        ('created_at > "2020-01-01" and name is layout', ["layout"]),
        ('created_at before "2020-01-01T00:00:00+02:00"', []),
        ("created_at before 2020-1-5", []),
        ("created_at after 2020-01-01T10:00:00Z and name=layout", ["layout"]),
        ('(name is "layout"or name is "x")and bid is 0', ["layout"]),
        ("name is x or name is layout and bid is 0", ["layout"]),
        ("id in (select id from Task where name is layout)", ["layout"]),
        ("parent_id in (select parent.id from Task where name is layout)", ["animation", "layout"]),
        ("parent_id in (Shot where name is sh020)", ["animation"]),
        ("created_by.username is admin and name is layout", ["layout"]),
        ("time_logged is 0 and name is layout", ["layout"]),
    ],
)
def test_criteria(client, tree, criteria, found):
    assert client.names(f"select name from Task where project_id is {tree.project} and ({criteria})") == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (
            "order by name, parent.name descending",
            [("animation", "sh020"), ("animation", "sh010"), ("layout", "sh010")],
        ),
        ("order by name desc limit 1", [("layout", "sh010")]),
        ("order by parent.name asc, name descending offset 1 limit 1", [("animation", "sh010")]),
        ("limit 1 offset 2", [("animation", "sh020")]),
        ("offset 2", [("animation", "sh020")]),
    ],
)
def test_order_and_window(client, tree, order, found):
    answer = client.query(f"select name, parent.name from Task where project_id is {tree.project} {order}")
    names = {entity["parent"]["id"]: entity["parent"]["name"] for entity in answer if "name" in entity["parent"]}
    assert [(entity["name"], names[entity["parent"]["id"]]) for entity in answer] == found


def test_a_base_type_finds_entities_of_all_subtypes(client, tree):
    found = client.query(f"select name from TypedContext where project_id is {tree.project} order by name, parent.name")
    assert [(entity["__entity_type__"], entity["name"]) for entity in found] == [
        *(("Task", "animation"), ("Task", "animation"), ("Task", "layout"), ("Shot", "sh010")),
        *(("Shot", "sh020"), ("Sequence", "sq010")),
    ]
    assert client.query(f"Context where id is {tree.project}")[0]["__entity_type__"] == "Project"


def test_an_attribute_of_a_subtype_can_be_queried_on_the_base(client, tree):
    user = client.query("User where username is admin")[0]["id"]
    client.create("Appointment", type="assignment", context_id=tree.layout, resource_id=user)
    expression = f"select name from Task where project_id is {tree.project} and "
    assert client.names(expression + 'assignments any (resource.username = "admin")') == ["layout"]
    assert client.names(expression + "allocations any (resource.username is admin)") == []
    assert client.names(expression + "assignments.resource[User].username is admin") == ["layout"]


def test_an_answer_has_the_key_and_the_system_projections(client, tree):
    assert client.query(f"select bid from Task where id is {tree.layout}") == [
        {
            "__entity_type__": "Task",
            "id": tree.layout,
            "project_id": tree.project,
            "context_type": "task",
            "object_type_id": "11c137c0-ee7e-4f9c-91c5-8c77cec22b2c",
            "bid": 0.0,
        }
    ]


def test_related_entities_have_the_selected_attributes(client, tree):
    (sequence,) = client.query(f"select children.name, children.children from Sequence where id is {tree.sequence}")
    first, second = sequence["children"]
    assert (first["name"], second["name"]) == ("sh010", "sh020")
    found = [(task["__entity_type__"], task["name"]) for task in first["children"]]
    assert found == [("Task", "animation"), ("Task", "layout")]


def test_each_attribute_of_an_entity_is_sent_once(client, tree):
    found = client.query(f"select parent.name from Task where parent_id is {tree.shot}")
    assert found[0]["parent"]["name"] == "sh010"
    assert found[1]["parent"] == {"__entity_type__": "Shot", "id": tree.shot}


def test_the_first_object_of_an_entity_has_the_values_of_all_its_records(client, tree):
    """The official Python client reads no other one."""
    expression = f"select name, object_type.name, children from TypedContext where ancestors.id is {tree.sequence}"
    first, *others = client.query(f"{expression} or id is {tree.sequence}")
    shot, task = first["children"][0], first["children"][0]["children"][0]
    assert (shot["object_type"]["name"], task["object_type"]["name"]) == ("Shot", "Task")
    assert {"__entity_type__": "Shot", "id": tree.shot} in others


def test_related_entities_are_in_the_order_of_the_schema(client, tree):
    asset_id = client.create("Asset", name="main", context_id=tree.shot)
    client.create("AssetVersion", asset_id=asset_id)
    (asset,) = client.query(f"select latest_version.version, versions.comment from Asset where id is {asset_id}")
    assert list(asset)[-2:] == ["versions", "latest_version"]
    assert set(asset["latest_version"]) == {"__entity_type__", "id"}


def test_thumbnail_url_of_an_entity_without_thumbnail_is_that_of_the_placeholder(client, tree):
    (task,) = client.query(f"select thumbnail_url from Task where id is {tree.layout}")
    assert task["thumbnail_url"]["value"] is None
    assert task["thumbnail_url"]["url"].endswith("/img/thumbnail2.png")


def test_denormalized_answers_have_complete_entities(client, tree):
    operation = {"action": "query", "expression": f"select parent.name from Task where parent_id is {tree.shot}"}
    (result,) = client.dispatcher.answer(client.caller, [operation], is_denormalized=True)
    assert [task["parent"]["name"] for task in result["data"]] == ["sh010", "sh010"]


def test_link_lists_the_contexts_from_the_project(client, tree):
    (task,) = client.query(f"select link from Task where id is {tree.layout}")
    assert [(step["name"], step["type"]) for step in task["link"]] == [
        (tree.name, "Project"),
        ("sq010", "Sequence"),
        ("sh010", "Shot"),
        ("layout", "Task"),
    ]


def test_ancestors_are_nearest_first_and_descendants_complete(client, tree):
    (task,) = client.query(f"select ancestors.name from Task where id is {tree.layout}")
    assert [ancestor["name"] for ancestor in task["ancestors"]] == ["sh010", "sq010"]
    (sequence,) = client.query(f"select descendants.name from Sequence where id is {tree.sequence}")
    assert len(sequence["descendants"]) == 5
    (project,) = client.query(f"select descendants.name from Project where id is {tree.project}")
    assert len(project["descendants"]) == 6


def test_custom_attributes_exist_with_and_without_a_value(client, tree):
    configuration = client.query("CustomAttributeConfiguration where key is fstart")[0]["id"]
    for value in (993, 1001):
        client.update("ContextCustomAttributeValue", [configuration, tree.shot], value=value)
    (shot,) = client.query(f"select custom_attributes from Shot where id is {tree.shot}")
    values = {value["key"]: value["value"] for value in shot["custom_attributes"]}
    assert values == {"fstart": 1001, "fend": None, "handles": None, "fps": None, "resolution": None}
    inside = f"select name from Shot where project_id is {tree.project} and "
    assert client.names(inside + "custom_attributes any (key is fstart and value is 1001)") == ["sh010"]
    assert client.names(inside + "custom_attributes any (key is fstart and value > 1000.5)") == ["sh010"]
    assert client.names(inside + "custom_attributes any (key is fstart and value is none)") == ["sh020"]
    assert client.names(inside + "custom_attributes.configuration.key is fstart") == ["sh010", "sh020"]
    assert client.query(f"select value from CustomAttributeValue where entity_id is {tree.shot}")[0]["value"] == 1001
    dense = f"select value from ContextCustomAttributeValue where entity_id in ({tree.shot}, {tree.other_shot})"
    found = client.query(f"{dense} and configuration_id in ({configuration})")
    assert {row["entity_id"]: row["value"] for row in found} == {tree.shot: 1001, tree.other_shot: None}


def test_metadata_is_found_by_key_and_value(client, tree):
    for shot, value in ((tree.shot, "A"), (tree.other_shot, "B")):
        client.call(keyed("Metadata", parent_id=shot, parent_type="Shot", key="camera", value=value))
    inside = f"select name from Shot where project_id is {tree.project} and "
    assert client.names(inside + "metadata any (key=camera and value=B)") == ["sh020"]
    assert client.names(inside + "metadata.key is camera") == ["sh010", "sh020"]
    (shot,) = client.query(f"select metadata from Shot where id is {tree.shot}")
    assert shot["metadata"] == [
        {"__entity_type__": "Metadata", "parent_id": tree.shot, "parent_type": "Shot", "key": "camera", "value": "A"}
    ]


def test_groups_are_counted_as_plain_objects(client, tree):
    expression = "select count(id), name, parent.name from Task where project_id is {} group by name order by name"
    assert client.query(expression.format(tree.project)) == [
        {"count_id": 2, "name": "animation", "parent_name": "sh010"},
        {"count_id": 1, "name": "layout", "parent_name": "sh010"},
    ]


def test_the_answer_has_the_offset_of_the_next_page(client, tree):
    operation = {"action": "query", "expression": f"Task where project_id is {tree.project} offset 0 limit 2"}
    (answer,) = client.call(operation)
    assert answer["metadata"] == {"next": {"offset": 2}}
    operation["expression"] = f"Task where project_id is {tree.project} offset 2 limit 2"
    (answer,) = client.call(operation)
    assert answer["metadata"] == {"next": {"offset": None}}


def test_values_cannot_inject_query_syntax(client, tree):
    name = 'it\'s "a" % \\ _ ) or (id is_not none'
    client.create("Folder", name=name, parent_id=tree.project)
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assert client.names(f'select name from Folder where name is "{quoted}" and parent_id is {tree.project}') == [name]
    assert client.query('Folder where name is "x\\" or name is_not \\""') == []


def test_attributes_may_be_named_like_keywords(client, tree):
    client.create("TypedContextLink", from_id=tree.layout, to_id=tree.animation)
    (link,) = client.query(f"select from, to.name from TypedContextLink where from.id is {tree.layout}")
    assert (link["from"]["name"], link["to"]["name"]) == ("layout", "animation")


@pytest.mark.parametrize("name", ["Tusk", "ContextScope"])
def test_an_unknown_or_private_type_is_refused_by_name(client, name):
    with pytest.raises(ValidationError, match=f"There is no entity type '{name}'"):
        client.query(f"{name} where name is x")


def test_a_list_has_items_of_any_type(client, tree):
    category = client.query("ListCategory")[0]["id"]
    dailies = client.create("TypedContextList", name="dailies", project_id=tree.project, category_id=category)
    client.create("ListObject", list_id=dailies, entity_id=tree.shot)
    (found,) = client.query(f"select items.name from TypedContextList where id is {dailies}")
    assert [(item["__entity_type__"], item["name"]) for item in found["items"]] == [("Shot", "sh010")]
    criteria = f"lists.name is dailies and project_id is {tree.project}"
    assert client.names(f"select name from Shot where {criteria}") == ["sh010"]
    assert client.query(f"List where id is {dailies}")[0]["__entity_type__"] == "TypedContextList"


def test_thousands_of_keys_and_conditions_are_one_query(client, tree):
    ids = ",".join([tree.layout, *(str(uuid4()) for _ in range(5_000))])
    assert client.names(f"select name from Task where id in ({ids})") == ["layout"]
    pairs = " or ".join(f'(id is "{uuid4()}"and name is "x")' for _ in range(2_000))
    assert client.names(f"select name from Task where {pairs} or (id is {tree.layout})") == ["layout"]


def test_a_default_of_a_custom_attribute_is_selected_through_a_relation(client, tree):
    (kind,) = client.query("CustomAttributeType where name is text")
    made = {"key": f"grade_{tree.name}", "label": "Grade", "entity_type": "assetversion", "config": "{}"}
    configuration = client.create("CustomAttributeConfiguration", **made, type=kind, default="unset")
    asset = client.create("Asset", name="playblast", context_id=tree.shot)
    client.create("AssetVersion", asset_id=asset)
    (found,) = client.query(f"select versions.custom_attributes from Asset where id is {asset}")
    assert {row["key"]: row["value"] for row in found["versions"][0]["custom_attributes"]}[made["key"]] == "unset"
    client.delete("CustomAttributeConfiguration", configuration)


def test_built_in_locations_have_the_ids_that_clients_know(client):
    names = {found["id"]: found["name"] for found in client.query("select name from Location")}
    assert {
        "ce9b348f-8809-11e3-821c-20c9d081909b": "ftrack.origin",
        "cb268ecc-8809-11e3-a7e2-20c9d081909b": "ftrack.unmanaged",
        "cd41be70-8809-11e3-b98a-20c9d081909b": "ftrack.review",
        "3a372bde-05bc-11e4-8908-20c9d081909b": "ftrack.server",
        "07b82a97-8cf9-11e3-9383-20c9d081909b": "ftrack.connect",
    }.items() <= names.items()
