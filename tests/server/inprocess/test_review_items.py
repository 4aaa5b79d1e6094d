"""Items of review sessions that follow a shot, an asset or a sequence."""

from types import SimpleNamespace

import pytest
from doubles.operations import create
from doubles.reviews import PAST

from ft_dcc.server.errors import Forbidden, ValidationError

from .conftest import as_user

_SHOWN = "select name, version, version_id, entity_id, source_id from ReviewSessionObject where review_session_id is"


@pytest.fixture
def production(client, tree):
    """Return the project with two shots in a sequence, each with an asset, and an open review session."""
    found = SimpleNamespace(project=tree.project)
    found.sequence = client.create("Sequence", name="SQ1", parent_id=tree.project, project_id=tree.project)
    asset_type = client.query("select id from AssetType limit 1")[0]["id"]
    for name in ("SH1", "SH2"):
        shot = client.create("Shot", name=name, parent_id=found.sequence, project_id=tree.project)
        asset = client.create("Asset", name="anim", context_id=shot, type_id=asset_type)
        setattr(found, name, SimpleNamespace(shot=shot, asset=asset))
    found.session = client.create("ReviewSession", name="Dailies", project_id=tree.project)
    found.approved = client.query('select id from Status where name is "Approved"')[0]["id"]
    return found


def publish(client, shot, **values):
    return client.create("AssetVersion", asset_id=shot.asset, **values)


def follow(client, production, entity_id, **rule):
    return client.create("ReviewSessionObject", review_session_id=production.session, entity_id=entity_id, **rule)


def shown(client, production):
    """Return the names and version numbers of the session, with "" for what waits for a version."""
    items = client.query(f'{_SHOWN} "{production.session}" order by sort_order')
    return [(item["name"], item["version"]) for item in items]


def test_an_item_of_a_shot_shows_its_newest_version_until_the_session_is_closed(client, production):
    publish(client, production.SH1)
    follow(client, production, production.SH1.shot)
    assert shown(client, production) == [("SH1 anim", "Version 1")]
    publish(client, production.SH1)
    assert shown(client, production) == [("SH1 anim", "Version 2")]
    client.update("ReviewSession", production.session, end_date=PAST)
    publish(client, production.SH1)
    assert shown(client, production) == [("SH1 anim", "Version 2")]


def test_an_item_of_a_sequence_adds_its_shots_and_those_that_are_published_later(client, production):
    publish(client, production.SH2)
    follow(client, production, production.sequence)
    assert shown(client, production) == [("SQ1", ""), ("SH2 anim", "Version 1")]
    publish(client, production.SH1)
    publish(client, production.SH1)
    assert shown(client, production) == [("SQ1", ""), ("SH2 anim", "Version 1"), ("SH1 anim", "Version 2")]


def test_a_version_with_feedback_stays_and_a_new_item_follows_after_it(client, production):
    publish(client, production.SH1)
    item = follow(client, production, production.SH1.shot)
    client.create("Note", content="Lower.", parent_id=item, parent_type="ReviewSessionObject")
    publish(client, production.SH1)
    publish(client, production.SH1)
    assert shown(client, production) == [("SH1 anim", "Version 1"), ("SH1 anim", "Version 3")]


def test_a_rule_with_a_status_and_a_task_type_shows_the_newest_version_that_fulfils_it(client, production):
    animation = client.query('select id from Type where name is "Animation"')[0]["id"]
    place = {"parent_id": production.SH1.shot, "project_id": production.project}
    task = client.create("Task", name="anim", type_id=animation, **place)
    first = publish(client, production.SH1, task_id=task, status_id=production.approved)
    second = publish(client, production.SH1, task_id=task)
    publish(client, production.SH1, status_id=production.approved)
    follow(client, production, production.SH1.shot, follows="approved", task_type="animation")
    assert shown(client, production) == [("SH1 anim", "Version 1")]
    client.update("AssetVersion", second, status_id=production.approved)
    assert shown(client, production) == [("SH1 anim", "Version 2")]
    client.delete("AssetVersion", second)
    assert shown(client, production) == [("SH1 anim", "Version 1")]
    client.delete("AssetVersion", first)
    assert shown(client, production) == [("SH1", "")]


def test_a_version_that_the_session_shows_already_is_not_shown_twice(client, production):
    version = publish(client, production.SH1)
    client.create("ReviewSessionObject", review_session_id=production.session, version_id=version)
    follow(client, production, production.sequence)
    assert [name for name, number in shown(client, production) if number] == ["anim"]


def test_an_unknown_rule_or_entity_is_refused(client, production):
    for rule, reason in (
        ({"entity_id": production.SH1.shot, "follows": "aproved"}, "no status 'aproved'"),
        ({"entity_id": production.SH1.shot, "task_type": "Magic"}, "no type 'Magic'"),
        ({"entity_id": production.session}, "follows a shot, asset, sequence or task"),
    ):
        with pytest.raises(ValidationError, match=reason):
            client.create("ReviewSessionObject", review_session_id=production.session, **rule)


def test_an_entity_of_a_project_that_the_user_cannot_read_is_not_followed(client, production):
    secret = client.create("Project", name="Secret")
    shot = client.create("Shot", name="SH9", parent_id=secret, project_id=secret)
    with pytest.raises(Forbidden):
        follow(as_user(client, "User", production.project), production, shot)


def test_1500_shots_of_a_sequence_are_added_by_one_request(client, production):
    asset_type = client.query("select id from AssetType limit 1")[0]["id"]
    operations = []
    for number in range(1500):
        shot = create("Shot", name=f"SH{number:05}", parent_id=production.sequence, project_id=production.project)
        asset = create("Asset", name="anim", context_id=shot["entity_data"]["id"], type_id=asset_type)
        version = create("AssetVersion", asset_id=asset["entity_data"]["id"])
        operations += [shot, asset, version]
    client.call(*operations)
    follow(client, production, production.sequence)
    numbers = [number for _, number in shown(client, production) if number]
    assert numbers == ["Version 1"] * 1500
