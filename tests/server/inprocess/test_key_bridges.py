"""No operation of a user writes a key to an entity of a hidden project, for each key and relation of the schema.

Each attempt is one operation with an entity of a hidden project. The same operation with an entity of the user's own
projects shows that only the key is refused. Both are followed by one that fails, so that nothing changes. What is
accepted, such as a list whose foreign members are ignored, is then sent alone, and must change no hidden entity.
"""

import os

import attrs
import pytest
from doubles import two_projects
from doubles.operations import keyed, update
from doubles.two_projects import LINK_CONFIGURATION, OPEN, PRIVATE, SPARE, Operations, open_database
from run_options import seeded

from ft_dcc.server.entities.review_rules import ALL_RIGHTS
from ft_dcc.server.errors import Forbidden, HttpError
from ft_dcc.server.identity import Caller
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.user_actions import write_as_visitor

# The number of attempts of each role, or "all" of them; the seed chooses which.
_ATTEMPTS = os.environ.get("FT_DCC_KEY_ATTEMPTS", "100")
ROLES = ("User", "Project Manager", "Reviewer", "Guest")
USER = f"of-{OPEN}"
_UNDO = update("User", "undo", first_name="x")


@pytest.fixture
def user(studio, client):
    """Create a user limited to two projects, beside a third that is private, and return the client of that user."""
    tables, schema = studio.store.tables, studio.schema
    if not client.query(f"User where id is {USER}"):
        with open_database(studio) as connection:
            two_projects.fill(connection, schema, tables, {OPEN: USER, PRIVATE: f"of-{PRIVATE}"})
            spare = {"id": SPARE, "project_id": SPARE, "__entity_type__": "Project", "name": SPARE}
            connection.execute(tables.by_family["Context"].insert().values(spare))
            for family in two_projects.families(schema, tables):
                # A user has one timer, and an event a number.
                row = two_projects.make_row(schema, tables, family, SPARE, USER)
                connection.execute(tables.by_family[family].insert().prefix_with("OR IGNORE").values(row))
            shown = {"id": "shown", "review_session_id": f"{OPEN}-ReviewSession", "version_id": f"{SPARE}-AssetVersion"}
            connection.execute(tables.by_family["ReviewSessionObject"].insert().values(shown))
            # The sessions of the generated rows have ended.
            connection.execute(tables.by_family["ReviewSession"].update().values(end_date=None))
        client.create("User", id=USER, username=USER)
        data = {"id": LINK_CONFIGURATION, "key": "link", "entity_type": "task", "entity_type_to": "asset"}
        client.call(keyed("CustomAttributeLinkConfiguration", **data))
    return attrs.evolve(client, caller=Caller(USER, USER))


def give_role(client, role):
    """Give the user this role alone, on both projects."""
    (held,) = client.query(f"UserSecurityRole where user_id is {USER}")
    (found,) = client.query(f'SecurityRole where name is "{role}"')
    client.update("UserSecurityRole", held["id"], security_role_id=found["id"], is_all_open_projects=False)
    if not client.query(f"UserSecurityRoleProject where user_security_role_id is {held['id']}"):
        for project in (OPEN, SPARE):
            client.create("UserSecurityRoleProject", user_security_role_id=held["id"], project_id=project)


def send(user, role, *operations):
    """Send operations as the user, or as a guest of the review session of the open project."""
    if role != "Guest":
        user.call(*operations)
        return
    session, invitee = f"{OPEN}-ReviewSession", f"{OPEN}-ReviewSessionInvitee"
    access = ReviewAccess(session, OPEN, False, invitee, "Ada", rights=ALL_RIGHTS)
    write_as_visitor(user.dispatcher, access, list(operations))


def refusal(user, role, operation):
    """Return why an operation is refused, or "" if it is accepted."""
    try:
        send(user, role, operation, _UNDO)
    except HttpError as error:
        return "" if "'undo'" in str(error) else f"{type(error).__name__}: {error}"
    raise AssertionError("The last operation is refused.")


def is_hidden(value: object) -> bool:
    return value in (PRIVATE, f"of-{PRIVATE}") or str(value).startswith(f"{PRIVATE}-")


def hidden_state(studio, hidden):
    """Return the keys that lead to hidden entities from others, and the rows of the hidden entities."""
    keys, rows = set(), []
    with studio.store.reading() as connection:
        for family, table in studio.store.tables.by_family.items():
            telling = two_projects.telling_column(studio.schema, family) if family in hidden else None
            for found in connection.execute(table.select()).mappings():
                if telling is not None and is_hidden(found[telling]):
                    rows.append(dict(found))
                else:
                    key = ",".join(str(found[name]) for name in studio.schema[family].key)
                    keys |= {(family, key, name, value) for name, value in found.items() if is_hidden(value)}
    return keys, rows


@pytest.mark.parametrize("role", ROLES)
def test_no_operation_of_a_role_writes_a_key_to_a_hidden_project(client, user, role):
    studio, tables = client.studio, client.studio.store.tables
    if role != "Guest":
        give_role(client, role)
    attacks, controls = (Operations(studio.schema, tables, project) for project in (PRIVATE, SPARE))
    hidden = attacks.hidden
    with studio.store.reading() as connection:
        public_rows = {
            family: dict(connection.execute(table.select().limit(1)).mappings().first() or {})
            for family, table in tables.by_family.items()
            if family not in hidden
        }
    pairs = list(zip(attacks.all(public_rows), controls.all(public_rows)))
    if _ATTEMPTS != "all":
        pairs = seeded(role).sample(pairs, int(_ATTEMPTS))
    accepted, telling, proven = [], [], 0
    for attack, control in pairs:
        reason = refusal(user, role, attack)
        accepted += [] if reason else [attack]
        telling += [reason] if "secret" in reason or f"{PRIVATE} project" in reason else []
        proven += bool(reason) and not refusal(user, role, control)
    assert telling == []
    assert proven > len(pairs) / 20, "hardly any operation is refused because of its key"
    keys, rows = hidden_state(studio, hidden)
    for attack in accepted:
        send(user, role, attack)
        found, left = hidden_state(studio, hidden)
        assert (found - keys, left) == (set(), rows), attack


def test_a_reply_in_a_hidden_project_stays_there_when_the_replies_are_assigned_again(client, user):
    give_role(client, "User")
    note, reply = f"{OPEN}-Note", f"{PRIVATE}-Note"
    client.update("Note", reply, in_reply_to_id=note)
    with pytest.raises(Forbidden):
        user.update("Note", note, replies=[{"__entity_type__": "Note", "id": reply}])
    (kept,) = client.query(f"select parent_id from Note where id is {reply}")
    assert kept["parent_id"] == f"{PRIVATE}-Context"
