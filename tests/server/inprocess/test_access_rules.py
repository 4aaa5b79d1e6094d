"""Each combination of role, entity type, action and relation to the project is decided as the access rules say."""

import re
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from doubles.operations import keyed
from doubles.two_projects import OPEN, PRIVATE, families, make_row

from ft_dcc.server.auth.permissions import GRANTEES, SERVER, UNLIMITED, Permissions, access_rule, rule_tables
from ft_dcc.server.entities import authorization
from ft_dcc.server.entities.batch import Batch
from ft_dcc.server.entities.changes import ChangeSet
from ft_dcc.server.errors import Forbidden, HttpError
from ft_dcc.server.identity import Caller

from .conftest import as_user

ROLES = {
    "Administrator": UNLIMITED,
    "Project Manager": Permissions(False, True, (OPEN,), (OPEN,), (OPEN,)),
    "User": Permissions(False, False, (OPEN,), (OPEN,)),
    "Reviewer": Permissions(False, False, (OPEN,), (), is_contributor=False),
}
# The roles that each grantee of the table stands for, in a project of the user; "own" is an entity of the user.
GRANTED = {
    "members": {"Project Manager", "User", "Reviewer"},
    "contributors": {"Project Manager", "User"},
    "managers": {"Project Manager"},
    "contributors of any project": {"Project Manager", "User"},
    "managers of any project": {"Project Manager"},
    "administrators": set(),
    "server": set(),
    "self": set(),
}
EVERYWHERE = frozenset(("contributors of any project", "managers of any project"))


def expected(rights, action, role, project, *, is_author):
    """Return what the table says, or None where it depends on the owner of the entity."""
    grants = rights.grants[action]
    if "server" in grants:
        return False
    if role == "Administrator":
        return True
    if "writers of the first owner" in grants:
        return None
    if "members as author" in grants:
        return project == OPEN and is_author
    if "author" in grants and is_author:
        # The generated conversations belong to the authors of their messages, and to no project.
        return project == OPEN or action == "create" or rights.is_personal or rights.rights == "message"
    roles = set().union(*(GRANTED.get(grantee, set()) for grantee in grants))
    return role in roles and (project == OPEN or not EVERYWHERE.isdisjoint(grants))


def combinations(studio):
    for family in families(studio.schema, studio.store.tables):
        for role in ROLES:
            for project in (OPEN, PRIVATE):
                for is_author in (True, False):
                    yield family, role, project, is_author


def test_every_combination_is_decided_as_the_table_says(context_of_both):
    studio, tables = context_of_both, context_of_both.store.tables
    wrong, decided = [], 0
    with studio.store.reading() as connection:
        for family, role, project, is_author in combinations(studio):
            caller = Caller(f"of-{project}" if is_author else "another", "somebody")
            batch = Batch(studio, caller, connection, "", [], {}, ChangeSet(is_recording=False), ROLES[role])
            row = make_row(studio.schema, tables, family, project, f"of-{project}")
            entity_type = studio.schema[row.get("__entity_type__", family)]
            rule = access_rule(studio.schema, entity_type)
            for action in ("create", "update", "delete"):
                wanted = expected(rule, action, role, project, is_author=is_author and bool(rule.author))
                found = authorization.is_allowed(batch, action, entity_type, row)
                decided += wanted is not None
                # What depends on its owner is never allowed in the project of others.
                if found != wanted and (wanted is not None or (found and project == PRIVATE and not is_author)):
                    wrong.append((family, role, project, action, is_author, found))
    assert wrong == []
    assert decided > 1_000


def test_each_grantee_of_the_table_has_a_meaning() -> None:
    assert set(authorization._GRANTEES) == GRANTEES - {SERVER}


def make_show(client):
    """Create a project with a version, a component, a note and a review session; return the ids."""
    show = SimpleNamespace(project=client.create("Project", name=uuid4().hex))
    show.task = client.create("Task", name="comp", parent_id=show.project)
    show.asset = client.create("Asset", name="film", context_id=show.project)
    show.version = client.create("AssetVersion", asset_id=show.asset, task_id=show.task)
    show.component = client.create("FileComponent", version_id=show.version)
    show.session = client.create("ReviewSession", project_id=show.project)
    show.note = client.create("Note", content="secret", parent_id=show.version, parent_type="AssetVersion")
    return show


@pytest.mark.parametrize("role", ["User", "Project Manager"])
def test_no_key_that_is_written_leads_to_a_project_that_the_user_cannot_read(client, role):
    own, hidden = make_show(client), make_show(client)
    user = as_user(client, role, own.project)
    note = user.create("Note", content="x", parent_id=own.task, parent_type="Task")
    listed = client.create("AssetVersionList", name=uuid4().hex, project_id=own.project)
    for entity_type, data in (
        ("NoteComponent", {"note_id": note, "component_id": hidden.component}),
        ("ReviewSessionObject", {"review_session_id": own.session, "version_id": hidden.version}),
        ("AssetVersion", {"asset_id": own.asset, "task_id": hidden.task}),
        ("AssetVersion", {"asset_id": own.asset, "thumbnail_id": hidden.component}),
        ("TypedContextLink", {"from_id": own.task, "to_id": hidden.task}),
        ("AssetVersionLink", {"from_id": own.version, "to_id": hidden.version}),
        ("ListObject", {"list_id": listed, "entity_id": hidden.version}),
        ("FileComponent", {"version_id": own.version, "container_id": hidden.component}),
        ("Note", {"content": "x", "parent_id": own.task, "in_reply_to_id": hidden.note}),
        ("Job", {"user_id": client.caller.id}),
    ):
        with pytest.raises(Forbidden):
            user.call(keyed(entity_type, **data))
    for entity_type, key, change in (
        ("Task", own.task, {"thumbnail_id": hidden.component}),
        ("Project", own.project, {"thumbnail_id": hidden.component}),
        ("User", user.caller.id, {"thumbnail_id": hidden.component}),
        ("AssetVersion", own.version, {"task_id": hidden.task}),
        ("AssetVersion", own.version, {"uses_versions": [{"__entity_type__": "AssetVersion", "id": hidden.version}]}),
        ("AssetVersion", own.version, {"notes": [{"__entity_type__": "Note", "id": hidden.note}]}),
        ("Task", own.task, {"parent_id": hidden.project}),
    ):
        with pytest.raises(Forbidden):
            user.update(entity_type, key, **change)
    for change in ({"parent_id": hidden.project}, {"parent_id": own.task}):
        with pytest.raises(HttpError):
            user.update("Project", own.project, **change)


def test_an_uploaded_component_belongs_to_its_creator_until_it_is_published(client):
    show = make_show(client)
    creator, other = as_user(client, "User", show.project), as_user(client, "User", show.project)
    component = creator.create("FileComponent", name="film")
    assert creator.query(f"FileComponent where id is {component}")
    assert other.query(f"FileComponent where id is {component}") == []
    assert other.query("FileComponent where version_id is none") == []
    with pytest.raises(HttpError):
        other.call({"action": "generate_signed_url", "component_id": component})
    with pytest.raises(Forbidden):
        other.update("Task", show.task, thumbnail_id=component)
    creator.update("FileComponent", component, version_id=show.version)
    assert other.query(f"FileComponent where id is {component}")


def test_a_thumbnail_is_visible_with_what_it_shows(client):
    show = make_show(client)
    creator, member, stranger = (as_user(client, "User", *each) for each in ([show.project], [show.project], []))
    component = creator.create("FileComponent", name="thumbnail")
    creator.update("Task", show.task, thumbnail_id=component)
    (task,) = member.query(f"select thumbnail_url, thumbnail.name from Task where id is {show.task}")
    assert task["thumbnail_url"]["value"] == component and task["thumbnail"]["name"] == "thumbnail"
    assert stranger.query(f"Component where id is {component}") == []


def test_jobs_and_personal_entities_belong_to_their_user(client):
    show = make_show(client)
    owner, other = as_user(client, "User", show.project), as_user(client, "Project Manager", show.project)
    job = owner.create("Job", data="secret", status="running")
    dashboard = owner.create("Dashboard", name="mine")
    owner.call(keyed("UserApplicationState", user_id=owner.caller.id, key="k", value="secret"))
    conversation = owner.create("Conversation")
    message = owner.create("Message", text="secret", conversation_id=conversation)
    for entity_type, key in (("Job", job), ("Dashboard", dashboard), ("Message", message)):
        assert owner.query(f"{entity_type} where id is {key}")
        assert other.query(f"{entity_type} where id is {key}") == []
        with pytest.raises(Forbidden):
            other.delete(entity_type, key)
    assert other.query("UserApplicationState where key is k") == []
    with pytest.raises(Forbidden):
        other.update("Job", job, status="failed")
    owner.create("Participant", conversation_id=conversation, resource_id=other.caller.id)
    assert other.query(f"Message where id is {message}")
    with pytest.raises(Forbidden):
        other.update("Message", message, text="changed")
    owner.update("Dashboard", dashboard, is_shared_with_everyone=True)
    assert other.query(f"Dashboard where id is {dashboard}")


def test_a_reviewer_changes_only_own_notes(client):
    show = make_show(client)
    reviewer = as_user(client, "Reviewer", show.project)
    own = reviewer.create("Note", content="mine", parent_id=show.version, parent_type="AssetVersion")
    reviewer.update("Note", own, content="better")
    metadata = {"parent_id": show.version, "parent_type": "Note", "key": "k", "value": "v"}
    author = {"content": "x", "parent_id": show.version, "user_id": client.caller.id}
    for attempt in (
        lambda: reviewer.update("Note", show.note, content="x"),
        lambda: reviewer.delete("Note", show.note),
        lambda: reviewer.update("AssetVersion", show.version, notes=[]),
        lambda: reviewer.create("Note", **author),
        lambda: reviewer.call(keyed("Metadata", **metadata)),
    ):
        with pytest.raises(Forbidden):
            attempt()
    reply = client.create("Note", content="an answer", in_reply_to_id=own)
    with pytest.raises(Forbidden):
        reviewer.delete("Note", own)
    client.delete("Note", reply)
    reviewer.create("Note", content="my answer", in_reply_to_id=own)
    reviewer.delete("Note", own)


@pytest.mark.parametrize("role", ["User", "Project Manager", "Reviewer"])
def test_a_note_keeps_its_author(client, role):
    show = make_show(client)
    user = as_user(client, role, show.project)
    own = user.create("Note", content="mine", parent_id=show.version, parent_type="AssetVersion")
    for note, author in ((own, client.caller.id), (own, None), (show.note, user.caller.id)):
        with pytest.raises(Forbidden):
            user.update("Note", note, user_id=author)
    with pytest.raises(Forbidden):
        user.update("Note", own, author=None)
    # Clients send all values of an entity that they create, also the one that the server has set.
    user.update("Note", own, user_id=user.caller.id, content="better")
    client.update("Note", own, user_id=client.caller.id)


def test_the_time_of_a_revoked_invitation_is_set_by_the_server_alone(client):
    data = {"review_session_id": make_show(client).session, "name": "Ada", "email": "ada@example.test"}
    with pytest.raises(HttpError, match="set by the server alone"):
        client.create("ReviewSessionInvitee", **data, revoked_at="2020-01-01T00:00:00")
    invitee = client.create("ReviewSessionInvitee", **data, revoked_at=None)
    with pytest.raises(HttpError, match="set by the server alone"):
        client.update("ReviewSessionInvitee", invitee, revoked_at="2020-01-01T00:00:00")


def test_a_project_manager_does_not_learn_names_of_hidden_projects(client):
    own, hidden = make_show(client), make_show(client)
    manager = as_user(client, "Project Manager", own.project)
    (visible,) = manager.query("select name from Project")
    (secret,) = client.query(f"select name from Project where id is {hidden.project}")
    # A hidden project with the name makes no difference, neither to a new project nor to a renamed one.
    for name in (secret["name"], uuid4().hex):
        made = manager.create("Project", name=name)
        assert manager.names(f"Project where id is {made}") == [name]
        manager.update("Project", made, name=uuid4().hex)
        manager.update("Project", made, name=name)
    # Names stay unique among the projects that the user can read.
    for taken in (visible["name"], secret["name"]):
        with pytest.raises(HttpError, match="DuplicateEntryError: there is a project"):
            manager.create("Project", name=taken)
        with pytest.raises(HttpError, match="DuplicateEntryError: there is a project"):
            client.update("Project", client.create("Project", name=uuid4().hex), name=taken)


def test_history_and_vocabulary_are_not_changed_by_users(client):
    show = make_show(client)
    user = as_user(client, "User", show.project)
    client.update("Task", show.task, status_id=client.query("Status where name is Approved")[0]["id"])
    (change,) = client.query(f"StatusChange where parent_id is {show.task}")
    for somebody in (user, client):
        with pytest.raises(Forbidden, match="written by the server"):
            somebody.update("TypedContextStatusChange", change["id"], parent_id=show.version)
    for entity_type in ("NoteLabel", "Scope", "ListCategory"):
        made = user.create(entity_type, name=uuid4().hex)
        with pytest.raises(Forbidden, match="Only an administrator"):
            user.delete(entity_type, made)


def test_an_id_of_another_type_cannot_be_used_again(client):
    own, hidden = make_show(client), make_show(client)
    user = as_user(client, "User", own.project)
    with pytest.raises(HttpError, match="is in use"):
        user.create("Note", id=hidden.version, content="x", parent_id=own.task)


@pytest.mark.parametrize("value", [None, 7, [], {"id": "x"}, "no such entity"])
def test_permissions_of_custom_values_are_answered_for_any_key(client, value):
    user = as_user(client, "User", make_show(client).project)
    operation = {"action": "permissions", "entity_type": "ContextCustomAttributeValue"}
    for data in ({"entity_id": value}, {"configuration_id": value, "entity_id": value}):
        assert "read" in user.call({**operation, "entity_data": data})[0]["data"]


def test_the_documentation_shows_the_tables_that_the_server_reads() -> None:
    page = (Path(__file__).parents[3] / "docs" / "admin" / "access.md").read_text(encoding="utf-8")
    for table in rule_tables():
        assert table in page


def test_the_threat_model_names_tests_that_exist() -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs" / "admin" / "threat-model.md").read_text(encoding="utf-8")
    code = "".join(path.read_text(encoding="utf-8") for path in (root / "tests" / "server").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", page)
    assert len(named) >= 8
    assert [name for name in named if f"def {name}(" not in code] == []
