"""Test the requests of the studio's home: sign-in by cookie, cards of review sessions, and the users' own rights."""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import opentimelineio
import pytest
import requests
from doubles.pdf_text import text_of
from PIL import Image

from ft_dcc.server.admin.service import open_admin
from ft_dcc.server.database.scheduled_backup import BackupSchedule
from ft_dcc.server.home.administration import folder_size
from ft_dcc.server.mail.outbox import queued_messages

PAST = {"__type__": "datetime", "value": "2020-03-04T09:30:00"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, start_module_server: Any) -> Any:
    folder = tmp_path_factory.mktemp("home")
    return start_module_server(folder / "data", "--backups", str(folder / "backup disk"))


@pytest.fixture(scope="module")
def http_client(server: Any, http_client_for: Any) -> Any:
    return http_client_for(server)


@contextmanager
def signed_in(server: Any, name: str, key: str) -> Iterator[requests.Session]:
    """Yield a browser that is signed in with this name and key."""
    with requests.Session() as browser:
        page = browser.get(f"{server.url}/", timeout=30)
        assert page.url == f"{server.url}/user/sign_in?next=/"
        (token,) = re.findall(r'name="token" value="([^"]+)"', page.text)
        form = {"token": token, "user": name, "key": key}
        answer = browser.post(page.url, data=form, allow_redirects=False, timeout=30)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/"), answer.text
        yield browser


@pytest.fixture
def admin(server: Any) -> Iterator[requests.Session]:
    with signed_in(server, server.credentials.api_user, server.credentials.api_key) as browser:
        yield browser


@pytest.fixture
def person(server: Any) -> Any:
    """Return a function that signs in a new user with a role on some projects."""

    @contextmanager
    def sign_in(role: str, *projects: str) -> Iterator[requests.Session]:
        name = f"user{uuid4().hex[:6]}"
        with open_admin(server.data) as owner:
            owner.run("user", name=name, role=role, projects=list(projects))
            key = owner.run("key", user=name)["FTRACK_API_KEY"]
        with signed_in(server, name, key) as browser:
            browser.headers["X-Name"] = name
            yield browser

    return sign_in


def create(entity_type: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": entity_type, "entity_data": {"id": str(uuid4()), **data}}


def make_review(http_client: Any, versions: int = 1, **values: Any) -> dict[str, Any]:
    """Return the ids of a review session with versions in a project of its own."""
    ids = {name: str(uuid4()) for name in ("project", "asset", "session", "invitee")}
    name = f"p{uuid4().hex[:8]}"
    items = [(str(uuid4()), str(uuid4())) for _ in range(versions)]
    answer = http_client.post(
        create("Project", id=ids["project"], name=name),
        create("Asset", id=ids["asset"], name="playblast", context_id=ids["project"]),
        create("ReviewSession", **{"id": ids["session"], "name": "Dailies", "project_id": ids["project"], **values}),
        *(create("AssetVersion", id=version, asset_id=ids["asset"]) for version, _ in items),
        *(
            create("ReviewSessionObject", id=item, review_session_id=ids["session"], version_id=version)
            for version, item in items
        ),
        *(
            []
            if values.get("end_date")
            else [
                create(
                    "ReviewSessionInvitee",
                    id=ids["invitee"],
                    review_session_id=ids["session"],
                    name="Ada Example",
                    email="ada@example.com",
                )
            ]
        ),
    )
    assert answer.status_code == 200, answer.text
    return {**ids, "name": name, "versions": [version for version, _ in items], "objects": [item for _, item in items]}


def query(http_client: Any, expression: str) -> list[dict[str, Any]]:
    answer = http_client.post({"action": "query", "expression": expression})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()[0]["data"]
    return found


def cards(browser: requests.Session, server: Any, **filters: str) -> list[dict[str, Any]]:
    answer = browser.get(f"{server.url}/home/reviews", params=filters, timeout=30)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["reviews"]
    return found


def page_of(server: Any, review: dict[str, Any]) -> str:
    return f"{server.url}/review/{review['session']}/studio"


def test_a_browser_that_is_not_signed_in_is_sent_to_the_sign_in(server):
    for path in ("/", "/projects", "/administration", f"/projects/{uuid4()}"):
        answer = requests.get(f"{server.url}{path}", timeout=30)
        assert answer.url == f"{server.url}/user/sign_in?next={path}"
    assert requests.get(f"{server.url}/home/reviews", timeout=30).status_code == 401
    assert requests.post(f"{server.url}/home/api", json=[], timeout=30).status_code == 401


def test_the_sign_in_leads_to_pages_of_the_studio_only(server):
    for target in ("//example.com", "https://example.com", "/\\example.com", "javascript:1"):
        with requests.Session() as browser:
            page = browser.get(f"{server.url}/user/sign_in", params={"next": target}, timeout=30)
            (token,) = re.findall(r'name="token" value="([^"]+)"', page.text)
            known = server.credentials
            form = {"token": token, "user": known.api_user, "key": known.api_key}
            answer = browser.post(page.url, data=form, allow_redirects=False, timeout=30)
            assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_a_request_of_another_site_is_refused(admin, server):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://example.com"}):
        answer = admin.post(f"{server.url}/home/api", json=[], headers=headers, timeout=30)
        assert answer.status_code == 403
    plain = admin.post(f"{server.url}/home/api", data="[]", headers={"Content-Type": "text/plain"}, timeout=30)
    assert plain.status_code == 400


def test_signing_out_everywhere_ends_the_sessions_of_all_browsers(server, person, admin):
    with person("User") as browser:
        me = browser.get(f"{server.url}/home/me", timeout=30).json()
        answer = admin.post(f"{server.url}/home/commands/sign-out", json={"user_id": me["id"]}, timeout=30)
        assert answer.status_code == 200, answer.text
        assert browser.get(f"{server.url}/home/me", timeout=30).status_code == 401


def test_a_browser_signs_out(server, person):
    with person("User") as browser:
        assert browser.post(f"{server.url}/user/sign_out", timeout=30).status_code == 200
        assert browser.get(f"{server.url}/home/me", timeout=30).status_code == 401


def test_cards_count_the_undecided_versions(admin, server, http_client):
    review = make_review(http_client, versions=3)
    status = {"review_session_object_id": review["objects"][0], "review_session_invitee_id": review["invitee"]}
    seen = {**status, "review_session_object_id": review["objects"][1]}
    answer = http_client.post(
        create("ReviewSessionObjectStatus", status="approved", **status),
        create("ReviewSessionObjectStatus", status="seen", **seen),
    )
    assert answer.status_code == 200
    (card,) = cards(admin, server, project=review["project"])
    assert (card["name"], card["project"], card["versions"], card["undecided"]) == ("Dailies", review["name"], 3, 2)


def test_cards_are_filtered_by_state_owner_project_and_text(admin, server, http_client, person):
    is_open, closed = (
        make_review(http_client, name="Sea"),
        make_review(http_client, name="Land", versions=0, end_date=PAST),
    )

    def ids(browser: Any = admin, **filters: str) -> set[str]:
        return {card["id"] for card in cards(browser, server, **filters)} & {is_open["session"], closed["session"]}

    assert ids() == ids(state="open") == {is_open["session"]}
    assert ids(state="closed") == {closed["session"]}
    assert ids(state="all") == {is_open["session"], closed["session"]}
    assert ids(state="all", project=closed["project"]) == {closed["session"]}
    assert ids(state="all", search="sea") == {is_open["session"]}
    assert ids(state="all", search=closed["name"]) == {closed["session"]}
    assert ids(state="all", search='"% or id is_not none') == set()
    assert ids(state="all", mine="1") == {is_open["session"], closed["session"]}
    with person("User") as browser:
        assert ids(browser, state="all", mine="1") == set()


def test_a_user_sees_sessions_of_the_own_projects_only(server, http_client, person):
    own, other = make_review(http_client), make_review(http_client)
    with person("Reviewer", own["name"]) as browser:
        found = {card["id"] for card in cards(browser, server)}
        assert own["session"] in found and other["session"] not in found
        assert browser.get(f"{page_of(server, own)}/data", timeout=30).status_code == 200
        assert browser.get(f"{page_of(server, other)}/data", timeout=30).status_code == 404
        operation = {"action": "query", "expression": f"ReviewSession where id is {other['session']}"}
        answer = browser.post(f"{server.url}/home/api", json=[operation], timeout=30)
        assert answer.json()[0]["data"] == []


def test_a_user_writes_notes_as_the_author(server, http_client, person):
    review = make_review(http_client)
    with person("Reviewer", review["name"]) as browser:
        payload = {"object": review["objects"][0], "content": "Slower.", "frame": 1005}
        answer = browser.post(f"{page_of(server, review)}/notes", json=payload, timeout=30)
        assert answer.status_code == 200, answer.text
        (note,) = query(
            http_client, f"select author.username, content from Note where parent_id is {review['objects'][0]}"
        )
        assert note["author"]["username"] == browser.headers["X-Name"]
        content = browser.get(f"{page_of(server, review)}/entries/{review['objects'][0]}", timeout=30).json()
        (shown,) = content["notes"]
        assert (shown["author"], shown["is_guest"]) == (browser.headers["X-Name"], False)


def test_a_verdict_of_a_user_sets_the_status_of_the_version_and_is_published(server, http_client, admin):
    review = make_review(http_client)
    for verdict, expected in (("approved", "Approved"), ("require_changes", "Changes required")):
        payload = {"object": review["objects"][0], "status": verdict}
        answer = admin.post(f"{page_of(server, review)}/status", json=payload, timeout=30)
        assert answer.status_code == 200, answer.text
        version = f"AssetVersion where id is {review['versions'][0]}"
        (found,) = query(http_client, f"select status.name from {version}")
        assert found["status"]["name"] == expected
        statuses = query(
            http_client,
            "select status, invitee.name from ReviewSessionObjectStatus"
            f" where review_session_object_id is {review['objects'][0]}",
        )
        assert [(each["status"], each["invitee"]["name"]) for each in statuses] == [(verdict, "admin")]


def test_a_verdict_and_the_status_are_one_change_on_the_event_hub(server, http_client, admin, open_socket_client):
    review = make_review(http_client)
    socket_client = open_socket_client(server.credentials)
    socket_client.subscribe("topic=ftrack.update")
    payload = {"object": review["objects"][0], "status": "approved"}
    assert admin.post(f"{page_of(server, review)}/status", json=payload, timeout=30).status_code == 200
    event = socket_client.event()
    changes = {entity["entity_type"]: entity["action"] for entity in event["data"]["entities"]}
    assert changes["AssetVersion"] == "update"
    assert changes["ReviewSessionObjectStatus"] == "add"
    assert event["source"]["user"]["username"] == "admin"


def test_the_settings_of_a_project_map_verdicts_to_statuses(server, http_client, admin):
    review = make_review(http_client)
    mapping = '{"approved": "Completed", "require_changes": null}'
    values = {"parent_id": review["project"], "parent_type": "Project", "group": "REVIEW", "value": mapping}
    entity = {"name": "verdict_statuses", **values}
    setting = {"action": "create", "entity_type": "EntitySetting", "entity_data": entity}
    assert http_client.post(setting).status_code == 200
    found = []
    for verdict in ("approved", "require_changes"):
        payload = {"object": review["objects"][0], "status": verdict}
        assert admin.post(f"{page_of(server, review)}/status", json=payload, timeout=30).status_code == 200
        (version,) = query(http_client, f"select status.name from AssetVersion where id is {review['versions'][0]}")
        found.append(version["status"]["name"])
    assert found == ["Completed", "Completed"]


def test_a_reviewer_decides_only_where_invited_and_leaves_the_status_of_the_version(server, http_client, person):
    review = make_review(http_client)
    with person("Reviewer", review["name"]) as browser:
        payload = {"object": review["objects"][0], "status": "approved"}
        refused = browser.post(f"{page_of(server, review)}/status", json=payload, timeout=30)
        assert (refused.status_code, "invit" in refused.text) == (403, True)
        name = browser.headers["X-Name"]
        (user,) = query(http_client, f'select email from User where username is "{name}"')
        email = {"entity_key": [user["id"]], "entity_data": {"email": f"{name}@example.com"}}
        values = {"review_session_id": review["session"], "name": name, "email": f"{name}@Example.com"}
        invitee = {"action": "create", "entity_type": "ReviewSessionInvitee", "entity_data": values}
        assert http_client.post(invitee).status_code == 200
        # The reviewer cannot become the invitee alone, whose address all members can read.
        operation = {"action": "update", "entity_type": "User", **email}
        own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
        assert browser.post(f"{server.url}/home/api", json=[operation], headers=own, timeout=30).status_code == 403
        assert browser.post(f"{page_of(server, review)}/status", json=payload, timeout=30).status_code == 403
        assert http_client.post(operation).status_code == 200
        assert browser.post(f"{page_of(server, review)}/status", json=payload, timeout=30).status_code == 200
        content = browser.get(f"{page_of(server, review)}/entries/{review['objects'][0]}", timeout=30).json()
        assert [verdict["status"] for verdict in content["statuses"]] == ["approved"]
    (version,) = query(http_client, f"select status.name from AssetVersion where id is {review['versions'][0]}")
    assert version["status"]["name"] == "Not started"


def test_a_user_who_opens_the_page_does_not_become_an_invitee(server, http_client, admin):
    review = make_review(http_client)
    payload = {"object": review["objects"][0], "status": "seen"}
    assert admin.post(f"{page_of(server, review)}/status", json=payload, timeout=30).status_code == 200
    invitees = query(
        http_client, f"select name from ReviewSessionInvitee where review_session_id is {review['session']}"
    )
    assert [invitee["name"] for invitee in invitees] == ["Ada Example"]


def test_an_unknown_right_of_an_invitee_is_refused(http_client):
    review = make_review(http_client)
    change = {"action": "update", "entity_type": "ReviewSessionInvitee", "entity_key": [review["invitee"]]}
    assert http_client.post({**change, "entity_data": {"rights": "view comment"}}).status_code == 200
    answer = http_client.post({**change, "entity_data": {"rights": "view everything"}})
    assert (answer.status_code, "no right 'everything'" in answer.text) == (422, True)


def test_the_administration_is_closed_to_other_users(server, person):
    with person("Project Manager") as browser:
        assert browser.get(f"{server.url}/home/status", timeout=30).status_code == 403
        assert browser.post(f"{server.url}/home/commands/keys", json={}, timeout=30).status_code == 403


def test_an_administrator_reads_storage_mail_and_backups(server, admin):
    status = admin.get(f"{server.url}/home/status", timeout=30).json()
    assert status["health"]["database_bytes"] > 0
    assert status["mail"]["server"] is None
    assert "media" in {folder["name"] for folder in status["storage"]}
    answer = admin.post(f"{server.url}/home/commands/check-backup", json={"name": "../secret"}, timeout=30)
    assert (answer.status_code, "There is no backup" in answer.text) == (422, True)


def test_a_file_that_vanishes_while_its_folder_is_measured_does_not_count(tmp_path, monkeypatch):
    (tmp_path / "media").write_bytes(b"123")
    monkeypatch.setattr(os, "walk", lambda folder: [(str(folder), [], ["media", "upload that has ended"])])
    assert folder_size(tmp_path) == 3


def test_backups_of_another_folder_are_listed_and_checked(server, admin):
    folder = server.data.parent / "backup disk"
    schedule = BackupSchedule(folder)
    names = [schedule.back_up(server.data, datetime(2026, 3, 4, hour)).name for hour in (3, 4)]
    status = admin.get(f"{server.url}/home/status", timeout=30).json()
    assert status["backup_folder"] == str(folder)
    assert [(each["name"], each["check"]) for each in status["backups"]] == [(names[1], None), (names[0], None)]
    content = (folder / names[0]).read_bytes()
    (folder / names[0]).write_bytes(content.replace(b"SQLite format 3", b"SQLite format 4"))
    for name in names:
        answer = admin.post(f"{server.url}/home/commands/check-backup", json={"name": name}, timeout=30)
        assert answer.status_code == 200
    status = admin.get(f"{server.url}/home/status", timeout=30).json()
    good, damaged = (each["check"] for each in status["backups"])
    assert good["problem"] is None
    assert names[0] in damaged["problem"]
    assert {path.name for path in folder.iterdir()} == {*names, "checks.json"}


def test_every_card_of_a_project_has_its_name(admin, server, http_client):
    review = make_review(http_client)
    assert http_client.post(create("ReviewSession", name="Second", project_id=review["project"])).status_code == 200
    assert [card["project"] for card in cards(admin, server, project=review["project"])] == [review["name"]] * 2


def test_an_export_contains_threads_and_verdicts(server, http_client, admin):
    review = make_review(http_client)
    payload = {"object": review["objects"][0], "content": "=Slower", "frame": 1005, "end_frame": 1012}
    stroke = {"kind": "pen", "colour": "#ff0000", "width": 0.01, "points": [[0.1, 0.1, 0.5], [0.9, 0.9, 0.5]]}
    assert admin.post(f"{page_of(server, review)}/notes", json={**payload, "drawing": [stroke]}, timeout=30).ok
    (note,) = query(http_client, f"Note where parent_id is {review['objects'][0]}")
    assert http_client.post(create("Note", content="Done in v2", in_reply_to_id=note["id"])).status_code == 200
    (label,) = query(http_client, "NoteLabel limit 1")
    assert http_client.post(
        {
            "action": "create",
            "entity_type": "NoteLabelLink",
            "entity_data": {"note_id": note["id"], "label_id": label["id"]},
        }
    ).ok
    done = {"note": note["id"], "done": True}
    assert admin.post(f"{page_of(server, review)}/notes/done", json=done, timeout=30).ok
    for status in ("require_changes", "approved"):
        verdict = {"object": review["objects"][0], "status": status}
        assert admin.post(f"{page_of(server, review)}/status", json=verdict, timeout=30).ok

    def export(name: str) -> bytes:
        answer = admin.get(f"{page_of(server, review)}/export/{name}", timeout=120)
        assert answer.status_code == 200, answer.text
        return answer.content

    rows = list(csv.DictReader(io.StringIO(export("csv").decode("utf-8-sig"))))
    # A spreadsheet must not run the note as a formula.
    assert [row["note"] for row in rows] == ["'=Slower", "Done in v2"]
    assert (rows[0]["end_frame"], rows[1]["frame"]) == ("1012", "")
    assert (rows[0]["frame"], rows[0]["drawing"]) == ("1005", "yes")
    date = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
    assert re.fullmatch(rf"admin: Approved {date} \(before: Changes required {date}\)", rows[0]["verdicts"])
    assert rows[1]["reply_to"] == "admin"
    (found,) = query(http_client, f"select name from NoteLabel where id is {label['id']}")
    assert [(row["labels"], row["state"]) for row in rows] == [(found["name"], "done"), ("", "")]
    timeline = opentimelineio.adapters.read_from_string(export("otio").decode(), "otio_json")
    (clip,) = timeline.tracks[0]
    assert clip.media_reference.target_url == "playblast_v001.jpg"
    # The version has no movie, and so no frame 1005.
    threads = [[each["text"] for each in thread] for thread in clip.metadata["ft_dcc"]["notes"]]
    assert threads == [["=Slower", "Done in v2"]]
    assert clip.metadata["ft_dcc"]["verdicts"] == {"admin": "Approved"}
    (given,) = clip.metadata["ft_dcc"]["verdict_history"]
    assert (given["verdict"], given["date"][-1], given["history"][0][0]) == ("Approved", "Z", "Changes required")
    with zipfile.ZipFile(io.BytesIO(export("drawings"))) as archive:
        name, listed = archive.namelist()
        assert listed == "playblast_v001/greasePencil.xml"
        (frame,) = ElementTree.fromstring(archive.read(listed)).iter("frame")  # noqa: S314
        assert (frame.get("time"), frame.get("duration"), frame.get("file")) == ("1005", "1", name.partition("/")[2])
        assert name.startswith("playblast_v001/playblast_v001.1005.") and name.endswith(".png")
        with Image.open(io.BytesIO(archive.read(name))) as image:
            assert image.getpixel((image.width // 2, image.height // 2)) == (255, 0, 0, 255)
            assert image.getpixel((image.width // 2, 5)) == (0, 0, 0, 0)
    document = export("pdf")
    assert document.startswith(b"%PDF-")
    assert f"frame 1005-1012 · {found['name']} · done" in text_of(document)
    answer = admin.get(f"{page_of(server, review)}/export/movies", timeout=30)
    assert (answer.status_code, "no movies yet" in answer.text) == (404, True)
    checked = [admin.get(f"{page_of(server, review)}/export/{name}?check=1", timeout=30) for name in ("movies", "csv")]
    assert [(answer.status_code, answer.text[:2]) for answer in checked] == [(404, '{"'), (200, "{}")]
    assert list(server.data.glob("export-*")) == []


def test_movies_are_exported_with_the_right_to_download_only(server, http_client):
    review = make_review(http_client)
    change = {"action": "update", "entity_type": "ReviewSessionInvitee", "entity_key": [review["invitee"]]}
    sending = {"action": "send_review_session_invite", "review_session_invitee_id": review["invitee"]}
    assert http_client.post(sending).json()[0]["sent"] is True
    letters = [mail.text for mail in queued_messages(server.data / "outbox") if review["session"] in mail.text]
    (link,) = re.findall(r"http://\S+", letters[0])
    answers = []
    for rights in ("view", "view download"):
        assert http_client.post({**change, "entity_data": {"rights": rights}}).status_code == 200
        answers.append(requests.get(f"{link}/export/movies", timeout=30).status_code)
    assert answers == [403, 404]
    public = requests.get(f"{page_of(server, review)}/export/csv", timeout=30)
    assert public.status_code == 401
