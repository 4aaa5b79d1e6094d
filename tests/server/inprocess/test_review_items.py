"""Items of review sessions that follow a shot, an asset or a sequence."""

from types import SimpleNamespace

import pytest
from doubles.operations import create
from doubles.reviews import PAST

from ft_dcc.server.errors import Forbidden, ValidationError

from .conftest import as_user

_SHOWN = "select name, version, version_id, entity_id, source_id from ReviewSessionObject where review_session_id is"


@pytest.fixture
def film(client, tree):
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


def follow(client, film, entity_id, **rule):
    return client.create("ReviewSessionObject", review_session_id=film.session, entity_id=entity_id, **rule)


def shown(client, film):
    """Return the names and version numbers of the session, with "" for what waits for a version."""
    items = client.query(f'{_SHOWN} "{film.session}" order by sort_order')
    return [(item["name"], item["version"]) for item in items]


def test_an_item_of_a_shot_shows_its_newest_version_until_the_session_is_closed(client, film):
    publish(client, film.SH1)
    follow(client, film, film.SH1.shot)
    assert shown(client, film) == [("SH1 anim", "Version 1")]
    publish(client, film.SH1)
    assert shown(client, film) == [("SH1 anim", "Version 2")]
    client.update("ReviewSession", film.session, end_date=PAST)
    publish(client, film.SH1)
    assert shown(client, film) == [("SH1 anim", "Version 2")]


def test_an_item_of_a_sequence_adds_its_shots_and_those_that_are_published_later(client, film):
    publish(client, film.SH2)
    follow(client, film, film.sequence)
    assert shown(client, film) == [("SQ1", ""), ("SH2 anim", "Version 1")]
    publish(client, film.SH1)
    publish(client, film.SH1)
    assert shown(client, film) == [("SQ1", ""), ("SH2 anim", "Version 1"), ("SH1 anim", "Version 2")]


def test_a_version_with_feedback_stays_and_a_new_item_follows_after_it(client, film):
    publish(client, film.SH1)
    item = follow(client, film, film.SH1.shot)
    client.create("Note", content="Lower.", parent_id=item, parent_type="ReviewSessionObject")
    publish(client, film.SH1)
    publish(client, film.SH1)
    assert shown(client, film) == [("SH1 anim", "Version 1"), ("SH1 anim", "Version 3")]


def test_a_rule_with_a_status_and_a_task_type_shows_the_newest_version_that_fulfils_it(client, film):
    animation = client.query('select id from Type where name is "Animation"')[0]["id"]
    place = {"parent_id": film.SH1.shot, "project_id": film.project}
    task = client.create("Task", name="anim", type_id=animation, **place)
    first = publish(client, film.SH1, task_id=task, status_id=film.approved)
    second = publish(client, film.SH1, task_id=task)
    publish(client, film.SH1, status_id=film.approved)
    follow(client, film, film.SH1.shot, follows="approved", task_type="animation")
    assert shown(client, film) == [("SH1 anim", "Version 1")]
    client.update("AssetVersion", second, status_id=film.approved)
    assert shown(client, film) == [("SH1 anim", "Version 2")]
    client.delete("AssetVersion", second)
    assert shown(client, film) == [("SH1 anim", "Version 1")]
    client.delete("AssetVersion", first)
    assert shown(client, film) == [("SH1", "")]


def test_a_version_that_the_session_shows_already_is_not_shown_twice(client, film):
    version = publish(client, film.SH1)
    client.create("ReviewSessionObject", review_session_id=film.session, version_id=version)
    follow(client, film, film.sequence)
    assert [name for name, number in shown(client, film) if number] == ["anim"]


def test_an_unknown_rule_or_entity_is_refused(client, film):
    for rule, reason in (
        ({"entity_id": film.SH1.shot, "follows": "aproved"}, "no status 'aproved'"),
        ({"entity_id": film.SH1.shot, "task_type": "Magic"}, "no type 'Magic'"),
        ({"entity_id": film.session}, "follows a shot, asset, sequence or task"),
    ):
        with pytest.raises(ValidationError, match=reason):
            client.create("ReviewSessionObject", review_session_id=film.session, **rule)


def test_an_entity_of_a_project_that_the_user_cannot_read_is_not_followed(client, film):
    secret = client.create("Project", name="Secret")
    shot = client.create("Shot", name="SH9", parent_id=secret, project_id=secret)
    with pytest.raises(Forbidden):
        follow(as_user(client, "User", film.project), film, shot)


def test_1500_shots_of_a_sequence_are_added_by_one_request(client, film):
    asset_type = client.query("select id from AssetType limit 1")[0]["id"]
    operations = []
    for number in range(1500):
        shot = create("Shot", name=f"SH{number:05}", parent_id=film.sequence, project_id=film.project)
        asset = create("Asset", name="anim", context_id=shot["entity_data"]["id"], type_id=asset_type)
        version = create("AssetVersion", asset_id=asset["entity_data"]["id"])
        operations += [shot, asset, version]
    client.call(*operations)
    follow(client, film, film.sequence)
    numbers = [number for _, number in shown(client, film) if number]
    assert numbers == ["Version 1"] * 1500
