"""``ft-dcc review`` on a running studio, in this process."""

import json
import os
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
import requests
from doubles.command_line import environment, run_command
from doubles.sample_project import opened
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import ReviewSessionClosed
from ft_dcc.production import review_sessions


@pytest.fixture(scope="module")
def server(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("reviews") / "data")


@pytest.fixture
def ft_dcc(server):
    return partial(run_command, "review", environ={**os.environ, **environment(server)})


@pytest.fixture
def session(server):
    with opened(server) as session:
        yield session


@pytest.fixture
def dailies(ft_dcc, session, project):
    done = ft_dcc("create", "Dailies", "--project", project["name"], "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["id"], project["name"]


def test_a_review_session_is_created_listed_closed_and_reopened(ft_dcc, dailies):
    key, project = dailies
    assert ft_dcc("list", "--project", project).stdout == f"{key[:8]}  open       {project}  Dailies\n"
    closed = ft_dcc("close", "Dailies", "--project", project)
    assert closed.stdout.startswith(f"{project}: 'Dailies' is closed, since 20")
    assert json.loads(ft_dcc("show", key, "--json").stdout)["state"] == "closed"
    assert ft_dcc("open", key[:8]).stdout == f"{project}: 'Dailies' is open\n"
    until = ft_dcc("open", key, "--ends", "2090-03-04 18:00")
    assert until.stdout == f"{project}: 'Dailies' is open, until 2090-03-04 18:00\n"


def test_a_scheduled_review_session_takes_versions_and_a_closed_one_does_not(ft_dcc, dailies, session):
    key, project = dailies
    done = ft_dcc("schedule", key, "--starts", "2090-03-04", "--ends", "2090-03-05")
    assert done.stdout == f"{project}: 'Dailies' is scheduled, opens 2090-03-04 00:00\n"
    project_id = session.query(f'Project where name is "{project}"').one()["id"]
    found = review_sessions.find_open(session, project_id, "Dailies")
    assert found is not None
    assert found["id"] == key
    ft_dcc("close", key)
    session.reset()
    with pytest.raises(ReviewSessionClosed, match="Open it again"):
        review_sessions.find_open(session, project_id, "Dailies")


def test_a_review_session_that_opens_by_the_server_later_than_here_takes_versions():
    # The server says that it is not open; its clock is behind this one.
    begun = datetime.now(timezone.utc) - timedelta(hours=1)
    assert review_sessions.is_scheduled(begun, None)
    assert not review_sessions.is_scheduled(begun, begun)
    assert not review_sessions.is_scheduled(None, begun)


def test_a_closing_date_is_the_end_of_its_day_and_cannot_have_passed(ft_dcc, dailies):
    key, project = dailies
    until = ft_dcc("open", key, "--ends", "2090-03-04").stdout
    assert until == f"{project}: 'Dailies' is open, until 2090-03-04 23:59\n"
    for command in (("open", key), ("schedule", key), ("create", "Late", "--project", project)):
        done = ft_dcc(*command, "--ends", "2020-01-01")
        assert (done.returncode, "2020-01-01 has passed. Give a later time." in done.stderr) == (2, True)


def test_a_review_session_that_ends_before_it_starts_is_refused(ft_dcc, dailies):
    done = ft_dcc("schedule", dailies[0], "--starts", "2090-03-04", "--ends", "2090-03-03")
    assert done.returncode == 2
    assert done.stderr == "'Dailies' would end before it starts. Give a later end or an earlier start.\n"
    assert "is not a time" in ft_dcc("schedule", dailies[0], "--starts", "soon").stderr


def test_the_shared_link_is_printed_and_can_be_disabled(ft_dcc, dailies, server):
    key, _ = dailies
    link = ft_dcc("link", key).stdout
    assert link.startswith(f"{server.url}/review/{key}/")
    private = ft_dcc("link", key, "--private").stdout
    assert private == "'Dailies' is private: the shared link is disabled. Invite people.\n"
    assert ft_dcc("link", key, "--public").stdout == link


def test_a_passphrase_is_read_from_stdin(ft_dcc, dailies):
    key, project = dailies
    done = ft_dcc("passphrase", key, given="open sesame\n")
    assert done.stdout == f"{project}: 'Dailies' is open, with a passphrase\n"
    assert "open sesame" not in ft_dcc("show", key, "--json").stdout
    assert ft_dcc("passphrase", key, "--off").stdout == f"{project}: 'Dailies' is open\n"


def test_an_invitation_is_in_the_outbox_and_can_be_revoked(ft_dcc, dailies, server):
    key, _ = dailies
    done = ft_dcc("invite", key, "Ida Berg <ida@example.com>", "bo@example.com")
    # Without a mail server, whoever invites sends the links.
    links = [line.partition(": ")[::2] for line in done.stdout.splitlines()]
    assert [name for name, _ in links] == ["Ida Berg <ida@example.com>", "bo <bo@example.com>"]
    assert [requests.get(link, timeout=TIMEOUT_SECONDS).status_code for _, link in links] == [200, 200]
    assert done.stderr == "The link works on this machine only. Set FT_DCC_PUBLIC_URL to the studio's address.\n"
    shown = json.loads(ft_dcc("show", key, "--json").stdout)
    found = [(person["name"], person["sent"] is None) for person in shown["invitees"]]
    assert found == [("Ida Berg", False), ("bo", False)]
    mails = json.loads(ft_dcc("outbox", "--data", str(server.data), "--json").stdout)["mails"]
    (mail,) = (found for found in mails if found["to"] == "Ida Berg <ida@example.com>" and key in found["text"])
    assert (mail["subject"], mail["reason"]) == ("Review: Dailies", "") and links[0][1] in mail["text"]
    assert mail["id"] in ft_dcc("outbox", "--data", str(server.data)).stdout
    # A repeated invitation uses the same invitee, and one address is one person.
    again = ft_dcc("invite", key, "Ida Berg <IDA@example.com>", "Ida <ida@example.com>").stdout
    assert [line.partition(":")[0] for line in again.splitlines()] == ["Ida Berg <IDA@example.com>"]
    assert len(json.loads(ft_dcc("show", key, "--json").stdout)["invitees"]) == 2
    assert ft_dcc("revoke", key).stdout == "No invitation to 'Dailies' is revoked.\n"
    lines = ft_dcc("revoke", key, "ida@example.com").stdout.splitlines()
    assert lines[0] == "The invitation of Ida Berg is revoked."
    assert "Ida Berg" in lines[1] and ", revoked 2" in lines[1] and len(lines) == 2
    assert ft_dcc("revoke", key).stdout.splitlines() == lines[1:]
    assert lines[1] in ft_dcc("show", key).stdout.splitlines()
    listed = {found["id"]: found["revoked"] for found in json.loads(ft_dcc("list", "--json").stdout)["reviews"]}
    assert [names for review_id, names in listed.items() if review_id.startswith(key)] == [["Ida Berg"]]
    assert ft_dcc("revoke", key, "bo", "--remove").returncode == 0
    assert [person["name"] for person in json.loads(ft_dcc("show", key, "--json").stdout)["invitees"]] == ["Ida Berg"]
    missing = ft_dcc("revoke", key, "bo").stderr
    assert missing == "'bo' does not match one invitee of 'Dailies'. Invitees: ida@example.com.\n"
    assert ft_dcc("outbox", "--data", str(server.data), "--drop", "all").stdout == "The outbox is empty.\n"


def test_a_sequence_is_followed_and_what_was_published_since_is_collected(
    ft_dcc, dailies, session, project, project_shot
):
    key, name = dailies
    kind = session.query("AssetType").first()
    other = session.create("Shot", {"name": "sh999", "parent": project_shot["parent"]})
    assets = [session.create("Asset", {"name": "anim", "parent": each, "type": kind}) for each in (project_shot, other)]
    first = session.create("AssetVersion", {"asset": assets[0]})
    session.commit()
    sequence = f"{name}/{project_shot['parent']['name']}"
    added = json.loads(ft_dcc("add", sequence, "--to", key, "--json").stdout)
    assert (added["added"], added["follows"]) == ([first["id"]], [project_shot["parent"]["id"]])
    assert ft_dcc("add", sequence, "--to", key).stdout == "0 added to 'Dailies'.\n"
    newer = [session.create("AssetVersion", {"asset": asset}) for asset in assets]
    session.commit()
    shown = json.loads(ft_dcc("show", key, "--json").stdout)["versions"]
    assert [each["version_id"] for each in shown] == [version["id"] for version in newer]
    collected = json.loads(ft_dcc("dailies", "--project", name, "--json").stdout)
    assert sorted(collected["added"]) == sorted(each["id"] for each in (first, *newer))
    refused = ft_dcc("add", sequence, "--to", key, "--status", "Aproved")
    assert (refused.returncode, "There is no status 'Aproved'" in refused.stderr) == (1, True)


def test_missing_names_are_reported_in_one_sentence(ft_dcc, dailies):
    assert "Nearest names: Dailies" in ft_dcc("show", "Dailys").stderr
    assert ft_dcc("create", "Dailies", "--project", dailies[1]).stderr.startswith(f"{dailies[1]} has a review session")
    assert "Write it as 'Ida Berg <ida@example.com>'" in ft_dcc("invite", dailies[0], "Ida").stderr
    assert "on its own machine" in ft_dcc("outbox").stderr
    assert "There is no mail server. Set FT_DCC_SMTP_HOST" in ft_dcc("outbox", "--send", "--data", "/nowhere").stderr


def test_an_empty_list_and_a_missing_project_are_reported(ft_dcc, session):
    session.ensure("Project", {"name": "empty_here", "full_name": "Empty"})
    session.commit()
    assert ft_dcc("list", "--project", "empty_here").stdout == "There are no review sessions.\n"
    missing = ft_dcc("list", "--project", "Fillm")
    assert (missing.returncode, missing.stderr.startswith("There is no project 'Fillm' on http")) == (2, True)


def test_a_review_session_is_exported_to_a_file(ft_dcc, dailies, session, tmp_path):
    key, project = dailies
    empty = ft_dcc("export", key, "--format", "csv", "--to", str(tmp_path))
    assert (empty.returncode, "has no versions yet" in empty.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []
    context = session.query(f'Project where name is "{project}"').one()
    asset = session.create("Asset", {"name": "playblast", "parent": context})
    version = session.create("AssetVersion", {"asset": asset})
    session.create("ReviewSessionObject", {"review_session_id": key, "asset_version": version})
    session.commit()
    for name, start in (("csv", b"\xef\xbb\xbfversion,"), ("pdf", b"%PDF-")):
        done = ft_dcc("export", key, "--format", name, "--to", str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / f"Dailies.{name}").read_bytes().startswith(start)
    assert ft_dcc("export", key, "--to", str(tmp_path)).stderr.endswith(
        "Replace it with --force, or name another file.\n"
    )
    assert ft_dcc("export", key, "--to", str(tmp_path), "--force").returncode == 0
    movies = ft_dcc("export", key, "--format", "movies", "--to", str(tmp_path))
    assert (movies.returncode, "has no movies yet" in movies.stderr) == (1, True)
