"""``ft-dcc studio copy --to``: a project goes from a studio server to one with the schema and the names of a site."""

import json

import pytest
from doubles.command_line import environment, ft_dcc
from doubles.sample_project import MOVIE_BYTES, opened
from doubles.site_schema import without

from ft_dcc.errors import ServerUnreachable
from ft_dcc.project_transfer import site_copy
from ft_dcc.session.transfer.transfer import download

# What refers to the other project, or to a group.
LOST = {"Appointment": 2, "AssetVersionLink": 1, "ListObject": 1, "TypedContextLink": 1}
COUNTED = ("Shot", "Task", "Asset", "AssetVersion", "Component", "ComponentLocation", "ReviewSession", "Note")


@pytest.fixture
def site(start_server, tmp_path):
    """Start a server with the schema of a site, on which the shared entities have ids of their own."""
    server = start_server(tmp_path / "site", change=without())
    with opened(server) as session:
        session.create("User", {"username": "ben.berg", "email": "ben@example.com"})
        session.create("Status", {"name": "Client approved", "state": session.query("State").first()})
        session.commit()
    return server


def copy_to(project_server, site, *arguments, address=None, **environ):
    """Run the copy of the project Film to a site; an error is in one line of its output."""
    options = ("--project", "Film", "--data", str(project_server.data), "--to", address or site.url, *arguments)
    return ft_dcc("studio", "copy", *options, **environment(site), **environ)


def counts(session):
    found = {name: len(session.query(f"select id from {name}").all()) for name in COUNTED}
    return {**found, "Metadata": len(session.query("Metadata").all())}


def test_project_on_the_site_has_the_structure_the_media_and_the_feedback_once(project_server, site, tmp_path):
    with opened(site) as there:
        other = there.create("Project", {"name": "Film", "project_schema": there.query("ProjectSchema").one()})
        there.commit()
        refused = copy_to(project_server, site)
        assert (refused.returncode, "The site has another project 'Film'." in refused.stderr) == (2, True)
        there.delete(other)
        there.commit()
    planned = copy_to(project_server, site, "--dry-run", "--json")
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)["files"] == 1
    done = copy_to(project_server, site, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["files"], report["bytes"]) == (1, len(MOVIE_BYTES))
    assert report["left_out"] == {**LOST, "Status On the wall": 1, "User anna": 2}
    check_copy(site, tmp_path)
    check_second_copy(project_server, site)


def check_copy(site, folder):
    with opened(site) as there:
        first, third = there.query("AssetVersion order by version").all()
        assert [part["name"] for part in third["link"]] == ["Film", "sq010", "sh010", "anim v003"]
        assert (first["version"], first["comment"], first["user"]["username"]) == (1, "one", there.api_user)
        assert (third["version"], third["status"]["name"]) == (3, "Client approved")
        assert third["user"]["username"] == "ben.berg"
        shot = there.query("Shot where name is sh010").one()
        assert (shot["custom_attributes"]["fstart"], shot["custom_attributes"]["fps"]) == (1001, 23.976)
        assert there.query("Task where name is animation").one()["metadata"]["renderer"] == "eevee"
        (component,) = third["components"]
        assert component["metadata"]["ftr_meta"] == '{"frameIn": 1001}'
        assert third["thumbnail_id"] == component["id"]
        download(there, component["id"], folder / "back.mp4")
        assert (folder / "back.mp4").read_bytes() == MOVIE_BYTES
        review = there.query("ReviewSession where name is Dailies").one()
        assert review["is_open"] is False
        (member,) = review["review_session_objects"]
        assert member["asset_version"]["id"] == first["id"]
        assert [status["status"] for status in member["statuses"]] == ["approved"]
        notes = {note["content"]: note["author"]["username"] for note in there.query("Note")}
        own = dict.fromkeys(("Anna Ek: Softer.", "Ida: Lovely.", "Lift the chin."), there.api_user)
        assert notes == {**own, "Will do.": "ben.berg"}
        assert there.query('Metadata where key is "ft_dcc"').one()["value"] == '{"frame": 1010}'
        # The version in the closed session has its thumbnail.
        assert first["thumbnail_id"] == component["id"]


def check_second_copy(project_server, site):
    """Check that a second copy adds only what is missing."""
    with opened(site) as there:
        before = counts(there)
        there.query("Shot where name is sh010").one()["description"] = "changed on the site"
        there.commit()
    report = json.loads(copy_to(project_server, site, "--json").stdout)
    assert (report["entities"], report["files"], report["left_out"]) == ({}, 0, LOST)
    with opened(project_server) as here:
        task = here.create("Task", {"name": "comp", "parent": here.query("Shot where name is sh010").one()})
        here.commit()
        assert json.loads(copy_to(project_server, site, "--json").stdout)["entities"] == {"Task": 1}
        here.delete(task)
        here.commit()
    with opened(site) as there:
        assert counts(there) == {**before, "Task": before["Task"] + 1}
        assert there.query("Shot where name is sh010").one()["description"] == "changed on the site"


def test_interrupted_copy_continues_and_makes_nothing_twice(project_server, site, monkeypatch):
    """The connection fails at each of the requests in turn."""
    monkeypatch.setattr(site_copy, "MAX_CREATES_PER_REQUEST", 4)
    with opened(project_server) as here, opened(site) as there:
        project_id = here.query("Project where name is Film").one()["id"]
        post, left = type(there).post, [0]

        def failing(session, sent):
            if session is there and any(operation["action"] != "query" for operation in sent):
                left[0] -= 1
                if left[0] < 0:
                    raise ServerUnreachable("The connection failed.")
            return post(session, sent)

        monkeypatch.setattr(type(there), "post", failing)
        attempts = 0
        while True:
            attempts += 1
            left[0] = 2
            try:
                plan = site_copy.plan_site_copy(here, there, project_id, None, lambda _text: None)
                site_copy.run_site_copy(here, there, plan, lambda _text: None)
                break
            except ServerUnreachable:
                assert attempts < 50
        monkeypatch.undo()
        assert attempts > 3
        # The other project of the studio has one of each of these.
        others = {**dict.fromkeys(("Asset", "AssetVersion", "Task"), 1), "Metadata": -1}
        assert {name: count - others.get(name, 0) for name, count in counts(here).items()} == counts(there)


def test_site_without_a_type_of_shots_is_named_before_anything_is_created(project_server, start_server, tmp_path):
    small = start_server(tmp_path / "small", change=without("Sequence"))
    refused = copy_to(project_server, small)
    assert refused.returncode == 2
    assert "The site has no type Sequence, which the project uses." in refused.stderr
    with opened(small) as there:
        assert there.query("Project").all() == []


def test_key_is_not_sent_to_another_server(project_server, tmp_path):
    address = "https://other.example.com"
    refused = copy_to(
        project_server, project_server, address=address, XDG_CONFIG_HOME=str(tmp_path), HOME=str(tmp_path)
    )
    assert refused.returncode == 2
    assert f"There is no login for {address}." in refused.stderr
