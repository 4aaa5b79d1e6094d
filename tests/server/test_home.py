"""Test the requests of the studio's home: sign-in by cookie, cards of review sessions, and the users' own rights."""

import csv
import io
import os
import re
import zipfile
from contextlib import contextmanager
from datetime import datetime
from uuid import uuid4

import opentimelineio
import pytest
import requests
from doubles.http_session import HttpSession
from doubles.operations import create, keyed, update
from doubles.pdf_text import text_of
from doubles.reviews import PAST, Review, review_operations
from run_options import TIMEOUT_SECONDS

from ft_dcc.server.admin.service import open_admin
from ft_dcc.server.database.scheduled_backup import BackupSchedule
from ft_dcc.server.home.routes import folder_size


@pytest.fixture(scope="module")
def server(tmp_path_factory, start_module_server):
    folder = tmp_path_factory.mktemp("home")
    return start_module_server(folder / "data", "--backups", str(folder / "backup disk"))


@pytest.fixture(scope="module")
def http_client(server, http_client_for):
    return http_client_for(server)


@contextmanager
def signed_in(server, name, key):
    """Yield a browser that is signed in with this name and key."""
    with HttpSession() as browser:
        page = browser.get(f"{server.url}/")
        assert page.url == f"{server.url}/user/sign_in?next=/"
        (token,) = re.findall(r'name="token" value="([^"]+)"', page.text)
        answer = browser.post(page.url, data={"token": token, "user": name, "key": key}, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/"), answer.text
        yield browser


@pytest.fixture
def admin(server):
    with signed_in(server, server.credentials.api_user, server.credentials.api_key) as browser:
        yield browser


@pytest.fixture
def person(server):
    """Return a function that signs in a new user with a role on some projects."""

    @contextmanager
    def sign_in(role, *projects):
        name = f"user{uuid4().hex[:6]}"
        with open_admin(server.data) as owner:
            owner.run("user", name=name, role=role, projects=list(projects))
            key = owner.run("key", user=name)["FTRACK_API_KEY"]
        with signed_in(server, name, key) as browser:
            browser.headers["X-Name"] = name
            yield browser

    return sign_in


def make_review(http_client, **values):
    """Create a review session with one version in a project of its own, and change it to these values."""
    ids, operations = review_operations()
    ids.project_name = operations[0]["entity_data"]["name"]
    changes = [update("ReviewSession", ids.session, **values)] if values else []
    answer = http_client.post(*operations, *changes)
    assert answer.status_code == 200, answer.text
    return Review(http_client, ids)


def cards(browser, server, **filters):
    answer = browser.get(f"{server.url}/home/reviews", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()["reviews"]


def page_of(server, review):
    return f"{server.url}/review/{review.session}/studio"


def test_a_browser_that_is_not_signed_in_is_sent_to_the_sign_in(server):
    for path in ("/", "/projects", "/administration", f"/projects/{uuid4()}"):
        answer = requests.get(f"{server.url}{path}", timeout=TIMEOUT_SECONDS)
        assert answer.url == f"{server.url}/user/sign_in?next={path}"
    assert requests.get(f"{server.url}/home/reviews", timeout=TIMEOUT_SECONDS).status_code == 401
    assert requests.post(f"{server.url}/home/api", json=[], timeout=TIMEOUT_SECONDS).status_code == 401


def test_the_sign_in_leads_to_pages_of_the_studio_only(server):
    for target in ("//example.com", "https://example.com", "/\\example.com", "javascript:1"):
        with HttpSession() as browser:
            page = browser.get(f"{server.url}/user/sign_in", params={"next": target})
            (token,) = re.findall(r'name="token" value="([^"]+)"', page.text)
            known = server.credentials
            form = {"token": token, "user": known.api_user, "key": known.api_key}
            answer = browser.post(page.url, data=form, allow_redirects=False)
            assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_a_request_of_another_site_is_refused(admin, server):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://example.com"}):
        assert admin.post(f"{server.url}/home/api", json=[], headers=headers).status_code == 403
    plain = admin.post(f"{server.url}/home/api", data="[]", headers={"Content-Type": "text/plain"})
    assert plain.status_code == 400


def test_a_browser_signs_out_and_its_cookie_is_not_valid_any_more(server, person):
    with person("User") as browser:
        cookies = browser.cookies.copy()
        assert browser.post(f"{server.url}/user/sign_out").status_code == 200
        assert browser.get(f"{server.url}/home/me").status_code == 401
        browser.cookies.update(cookies)
        assert browser.get(f"{server.url}/home/me").status_code == 401


def test_a_user_lists_and_ends_own_sessions_only(server, person, admin):
    with person("User") as browser:
        (own,) = browser.get(f"{server.url}/home/sessions").json()
        assert (own["is_current"], "python-requests" in own["browser"]) == (True, True)
        # Another user cannot end it.
        assert admin.post(f"{server.url}/home/sessions", json={"id": own["id"]}).status_code == 200
        assert browser.get(f"{server.url}/home/me").status_code == 200
        assert browser.post(f"{server.url}/home/sessions", json={"id": [1]}).status_code == 400
        assert browser.post(f"{server.url}/home/sessions", json={"id": None}).status_code == 200
        assert browser.get(f"{server.url}/home/me").status_code == 401


def test_cards_count_the_assets_whose_newest_version_is_undecided(admin, server, http_client):
    review = make_review(http_client)
    items = [create("ReviewSessionObject", review_session_id=review.session, version_id=review.version) for _ in "23"]
    asset = create("Asset", name="second", context_id=review.project)
    version = create("AssetVersion", asset_id=asset["entity_data"]["id"])
    shown = {"review_session_id": review.session, "version_id": version["entity_data"]["id"]}
    items += [asset, version, create("ReviewSessionObject", **shown)]
    invitee = {"review_session_invitee_id": review.invitee}
    seen = {**invitee, "review_session_object_id": items[0]["entity_data"]["id"]}
    answer = http_client.post(
        *items,
        create("ReviewSessionObjectStatus", status="approved", review_session_object_id=review.object, **invitee),
        create("ReviewSessionObjectStatus", status="seen", **seen),
        create("ReviewSession", name="Second", project_id=review.project),
    )
    assert answer.status_code == 200
    found = {card["name"]: card for card in cards(admin, server, project=review.project)}
    assert [card["project"] for card in found.values()] == [review.project_name] * 2
    assert (found["Dailies"]["assets"], found["Dailies"]["undecided"]) == (2, 1)


def test_cards_are_filtered_by_state_owner_project_and_text(admin, server, http_client, person):
    is_open, closed = make_review(http_client, name="Sea"), make_review(http_client, name="Land", end_date=PAST)

    def ids(browser=admin, **filters):
        return {card["id"] for card in cards(browser, server, **filters)} & {is_open.session, closed.session}

    assert ids() == ids(state="open") == {is_open.session}
    assert ids(state="closed") == {closed.session}
    assert ids(state="all") == {is_open.session, closed.session}
    assert ids(state="all", project=closed.project) == {closed.session}
    assert ids(state="all", search="sea") == {is_open.session}
    assert ids(state="all", search=closed.project_name) == {closed.session}
    assert ids(state="all", search='"% or id is_not none') == set()
    assert ids(state="all", mine="1") == {is_open.session, closed.session}
    with person("User") as browser:
        assert ids(browser, state="all", mine="1") == set()


def test_a_user_sees_sessions_of_the_own_projects_only(server, http_client, person):
    own, other = make_review(http_client), make_review(http_client)
    with person("Reviewer", own.project_name) as browser:
        found = {card["id"] for card in cards(browser, server)}
        assert own.session in found and other.session not in found
        assert browser.get(f"{page_of(server, own)}/data").status_code == 200
        assert browser.get(f"{page_of(server, other)}/data").status_code == 404
        operation = {"action": "query", "expression": f"ReviewSession where id is {other.session}"}
        assert browser.post(f"{server.url}/home/api", json=[operation]).json()[0]["data"] == []


def test_a_verdict_of_a_user_sets_the_status_of_the_version(server, http_client, admin, open_socket_client):
    """In one change, so that nobody sees one without the other."""
    review, socket_client = make_review(http_client), open_socket_client(server.credentials)
    socket_client.subscribe("topic=ftrack.update")
    for verdict, expected in (("approved", "Approved"), ("require_changes", "Changes required")):
        payload = {"object": review.object, "status": verdict}
        answer = admin.post(f"{page_of(server, review)}/status", json=payload)
        assert answer.status_code == 200, answer.text
        event = socket_client.event()
        changes = {entity["entity_type"]: entity["action"] for entity in event["data"]["entities"]}
        assert changes["AssetVersion"] == "update"
        assert changes["ReviewSessionObjectStatus"] == ("add" if verdict == "approved" else "update")
        assert event["source"]["user"]["username"] == "admin"
        version = f"AssetVersion where id is {review.version}"
        (found,) = review.query(f"select status.name from {version}")
        assert found["status"]["name"] == expected
        statuses = review.query(
            "select status, invitee.name from ReviewSessionObjectStatus"
            f" where review_session_object_id is {review.object}"
        )
        assert [(each["status"], each["invitee"]["name"]) for each in statuses] == [(verdict, "admin")]


def test_the_settings_of_a_project_map_verdicts_to_statuses(server, http_client, admin):
    review = make_review(http_client)
    mapping = '{"approved": "Completed", "require_changes": null}'
    values = {"parent_id": review.project, "parent_type": "Project", "group": "REVIEW", "value": mapping}
    assert http_client.post(keyed("EntitySetting", name="verdict_statuses", **values)).status_code == 200
    found = []
    for verdict in ("approved", "require_changes"):
        payload = {"object": review.object, "status": verdict}
        assert admin.post(f"{page_of(server, review)}/status", json=payload).status_code == 200
        (version,) = review.query(f"select status.name from AssetVersion where id is {review.version}")
        found.append(version["status"]["name"])
    assert found == ["Completed", "Completed"]


def test_settings_of_publishes_are_checked_before_the_page_keeps_them(server, person):
    with person("Reviewer") as browser:
        checked = f"{server.url}/home/publish_settings"
        refused = browser.post(checked, json={"project": "Film", "text": 'slate = true\nstatsu = "Approved"'})
        assert browser.post(checked, json={"project": "Film", "text": '[checks]\nSound = "off"'}).json() == {}
    assert refused.status_code == 400
    assert refused.json()["content"] == (
        "settings of the project Film, line 2: there is no setting called statsu. Did you mean status?"
    )


def test_a_reviewer_decides_only_where_invited_and_leaves_the_status_of_the_version(server, http_client, person):
    review = make_review(http_client)
    with person("Reviewer", review.project_name) as browser:
        payload = {"object": review.object, "status": "approved"}
        refused = browser.post(f"{page_of(server, review)}/status", json=payload)
        assert (refused.status_code, "invit" in refused.text) == (403, True)
        name = browser.headers["X-Name"]
        (user,) = review.query(f'select email from User where username is "{name}"')
        values = {"review_session_id": review.session, "name": name, "email": f"{name}@Example.com"}
        assert http_client.post(create("ReviewSessionInvitee", **values)).status_code == 200
        # The reviewer cannot become the invitee alone, whose address all members can read.
        operation = update("User", user["id"], email=f"{name}@example.com")
        own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
        assert browser.post(f"{server.url}/home/api", json=[operation], headers=own).status_code == 403
        assert browser.post(f"{page_of(server, review)}/status", json=payload).status_code == 403
        assert http_client.post(operation).status_code == 200
        assert browser.post(f"{page_of(server, review)}/status", json=payload).status_code == 200
        content = browser.get(f"{page_of(server, review)}/entries/{review.object}").json()
        assert [verdict["status"] for verdict in content["statuses"]] == ["approved"]
    (version,) = review.query(f"select status.name from AssetVersion where id is {review.version}")
    assert version["status"]["name"] == "Not started"


def test_a_user_who_opens_the_page_does_not_become_an_invitee(server, http_client, admin):
    review = make_review(http_client)
    payload = {"object": review.object, "status": "seen"}
    assert admin.post(f"{page_of(server, review)}/status", json=payload).status_code == 200
    invitees = review.query(f"select name from ReviewSessionInvitee where review_session_id is {review.session}")
    assert [invitee["name"] for invitee in invitees] == ["Ada Example"]


def test_an_unknown_right_of_an_invitee_is_refused(http_client):
    review = make_review(http_client)
    assert review.change("ReviewSessionInvitee", review.invitee, rights="view comment").status_code == 200
    answer = review.change("ReviewSessionInvitee", review.invitee, rights="view everything")
    assert (answer.status_code, "no right 'everything'" in answer.text) == (422, True)


def test_the_administration_is_closed_to_other_users(server, person):
    with person("Project Manager") as browser:
        assert browser.get(f"{server.url}/home/status").status_code == 403
        assert browser.post(f"{server.url}/home/commands/keys", json={}).status_code == 403


def test_an_administrator_reads_storage_mail_and_backups(server, admin):
    status = admin.get(f"{server.url}/home/status").json()
    assert status["health"]["database_bytes"] > 0
    assert status["keys"] == admin.post(f"{server.url}/home/commands/keys", json={}).json()["keys"] != []
    assert status["mail"]["server"] is None
    assert "media" in {folder["name"] for folder in status["storage"]}
    answer = admin.post(f"{server.url}/home/commands/check-backup", json={"name": "../secret"})
    assert (answer.status_code, "There is no backup" in answer.text) == (422, True)


def test_a_file_that_vanishes_while_its_folder_is_measured_does_not_count(tmp_path, monkeypatch):
    (tmp_path / "media").write_bytes(b"123")
    monkeypatch.setattr(os, "walk", lambda folder: [(str(folder), [], ["media", "upload that has ended"])])
    assert folder_size(tmp_path) == 3


def test_backups_of_another_folder_are_listed_and_checked(server, admin):
    folder = server.data.parent / "backup disk"
    schedule = BackupSchedule(folder)
    names = [schedule.back_up(server.data, datetime(2026, 3, 4, hour)).name for hour in (3, 4)]
    status = admin.get(f"{server.url}/home/status").json()
    assert status["backup_folder"] == str(folder)
    assert [(each["name"], each["check"]) for each in status["backups"]] == [(names[1], None), (names[0], None)]
    content = (folder / names[0]).read_bytes()
    (folder / names[0]).write_bytes(content.replace(b"SQLite format 3", b"SQLite format 4"))
    for name in names:
        assert admin.post(f"{server.url}/home/commands/check-backup", json={"name": name}).status_code == 200
    status = admin.get(f"{server.url}/home/status").json()
    good, damaged = (each["check"] for each in status["backups"])
    assert good["problem"] is None
    assert names[0] in damaged["problem"]
    assert {path.name for path in folder.iterdir()} == {*names, "checks.json"}


def test_an_export_contains_threads_and_verdicts(server, http_client, admin):
    """What the exporters get of the session; the forms themselves are tested in tests/review."""
    review = make_review(http_client)
    page, stroke = page_of(server, review), {"kind": "pen", "colour": "#ff0000", "width": 0.01, "points": [[0, 0, 0.5]]}
    (label,) = review.query("select name from NoteLabel limit 1")
    payload = {"object": review.object, "content": "Slower", "frame": 1005, "end_frame": 1012, "labels": [label["id"]]}
    assert admin.post(f"{page}/notes", json={**payload, "drawing": [stroke]}).ok
    (note,) = review.query(f"Note where parent_id is {review.object}")
    assert http_client.post(create("Note", content="Done in v2", in_reply_to_id=note["id"])).status_code == 200
    assert admin.post(f"{page}/notes/done", json={"note": note["id"], "done": True}).ok
    for status in ("require_changes", "approved"):
        assert admin.post(f"{page}/status", json={"object": review.object, "status": status}).ok

    def export(name: str) -> bytes:
        answer = admin.get(f"{page}/export/{name}")
        assert answer.status_code == 200, answer.text
        return answer.content

    rows = list(csv.DictReader(io.StringIO(export("csv").decode("utf-8-sig"))))
    named = ("note", "frame", "end_frame", "drawing", "reply_to", "labels", "state")
    assert [[row[name] for name in named] for row in rows] == [
        ["Slower", "1005", "1012", "yes", "", label["name"], "done"],
        ["Done in v2", "", "", "", "admin", "", ""],
    ]
    assert rows[0]["verdicts"].startswith("admin: Approved 2") and "(before: Changes required 2" in rows[0]["verdicts"]
    (clip,) = opentimelineio.adapters.read_from_string(export("otio").decode(), "otio_json").tracks[0]
    assert clip.media_reference.target_url == "playblast_v001.jpg"
    # The version has no movie, and so no frame 1005.
    threads = [[each["text"] for each in thread] for thread in clip.metadata["ft_dcc"]["notes"]]
    assert threads == [["Slower", "Done in v2"]]
    assert clip.metadata["ft_dcc"]["verdicts"] == {"admin": "Approved"}
    (given,) = clip.metadata["ft_dcc"]["verdict_history"]
    assert (given["verdict"], given["history"][0][0]) == ("Approved", "Changes required")
    with zipfile.ZipFile(io.BytesIO(export("drawings"))) as archive:
        assert [name[:20] for name in archive.namelist()] == ["playblast_v001/playb", "playblast_v001/greas"]
    assert f"frame 1005-1012 · {label['name']} · done" in text_of(export("pdf"))
    checked = [admin.get(f"{page}/export/{name}") for name in ("movies", "movies?check=1", "csv?check=1")]
    assert [(answer.status_code, answer.text[:2]) for answer in checked] == [(404, '{"'), (404, '{"'), (200, "{}")]
    assert "no movies yet" in checked[0].text
    assert list(server.data.glob("export-*")) == []


def test_movies_are_exported_with_the_right_to_download_only(server, http_client):
    review = make_review(http_client)
    link, answers = review.invite(), []
    for rights in ("view", "view download"):
        assert review.change("ReviewSessionInvitee", review.invitee, rights=rights).status_code == 200
        answers.append(requests.get(f"{link}/export/movies", timeout=TIMEOUT_SECONDS).status_code)
    assert answers == [403, 404]
    assert requests.get(f"{page_of(server, review)}/export/csv", timeout=TIMEOUT_SECONDS).status_code == 401


def test_sending_the_outbox_without_a_mail_server_is_a_sentence(server, admin):
    answer = admin.post(f"{server.url}/home/commands/send-mail", json={})
    assert (answer.status_code, "There is no mail server" in answer.json()["content"]) == (422, True)
