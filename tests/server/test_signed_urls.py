"""Signed URLs end with their user or key, and published media is never replaced."""

from uuid import uuid4

import attrs
import pytest
import requests
from doubles.operations import create, update
from doubles.reviews import PAST, review_operations
from run_options import TIMEOUT_SECONDS

from ft_dcc.server.admin.service import open_admin
from ft_dcc.server.auth.tokens import is_review_key, review_key, sign, verify
from ft_dcc.server.database.data_folder import Credentials
from ft_dcc.server.errors import Forbidden


@pytest.fixture
def new_user(server_process, http_client_for):
    """Return a function that returns the requests of a new user with a role, whose key can be revoked."""

    def add(role):
        name = f"user-{uuid4().hex[:8]}"
        with open_admin(server_process.data) as admin:
            admin.run("user", name=name, role=role)
            key = admin.run("key", user=name)["FTRACK_API_KEY"]
        return http_client_for(attrs.evolve(server_process, credentials=Credentials(server_process.url, name, key)))

    return add


@pytest.fixture
def second_user(new_user):
    return new_user("Administrator")


def deactivate(http_client, name):
    found = http_client.post({"action": "query", "expression": f'User where username is "{name}"'}).json()
    assert http_client.post(update("User", found[0]["data"][0]["id"], is_active=False)).ok


def revoke(http_client, name):
    with open_admin(http_client.server.data) as admin:
        admin.run("revoke", user=name, key="all")


@pytest.mark.parametrize("end", [deactivate, revoke])
def test_signed_urls_end_with_their_user_and_key(http_client, second_user, end):
    component_id = second_user.upload(b"movie")
    upload = second_user.announce(second_user.create_component(), 5)["url"]
    signed = second_user.post({"action": "generate_signed_url", "component_id": component_id}).json()[0]["signed_url"]
    widget = second_user.post({"action": "get_widget_url", "name": "tasks"}).json()[0]["widget_url"]
    assert requests.get(signed, timeout=TIMEOUT_SECONDS).content == b"movie"
    assert requests.get(widget, timeout=TIMEOUT_SECONDS).status_code == 200
    end(http_client, second_user.server.credentials.api_user)
    assert requests.get(signed, timeout=TIMEOUT_SECONDS).status_code == 403
    assert requests.get(widget, timeout=TIMEOUT_SECONDS).status_code == 403
    assert requests.put(upload, data=b"later", timeout=TIMEOUT_SECONDS).status_code == 403


def test_upload_in_parts_ends_with_its_key(http_client, second_user):
    component_id = second_user.create_component()
    announced = second_user.announce(component_id, 4, parts=1)
    url = announced["urls"][0]["signed_url"]
    revoke(http_client, second_user.server.credentials.api_user)
    assert requests.put(url, data=b"film", timeout=TIMEOUT_SECONDS).status_code == 403


def test_published_media_is_not_replaced_by_an_earlier_upload_url(http_client):
    component_id = http_client.create_component()
    first, second = (http_client.announce(component_id, 5)["url"] for _ in range(2))
    parts = http_client.announce(component_id, 5, parts=1)
    assert requests.put(first, data=b"movie", timeout=TIMEOUT_SECONDS).status_code == 200
    # Until it is published, a repeated upload replaces the bytes.
    assert requests.put(second, data=b"final", timeout=TIMEOUT_SECONDS).status_code == 200
    sent = http_client.send_parts(parts, b"other")
    http_client.publish(component_id)
    for url in (first, second):
        assert requests.put(url, data=b"wrong", timeout=TIMEOUT_SECONDS).status_code == 409
    assert http_client.complete(parts, sent).status_code == 409
    announcement = {"action": "get_upload_metadata", "component_id": component_id, "file_name": "a", "file_size": 5}
    assert http_client.post(announcement).status_code == 409
    assert http_client.get("/component/get", component_id).content == b"final"


def test_bytes_belong_to_their_user_until_the_component_exists(second_user, new_user):
    limited = new_user("User")

    def status_of_creation(user, component_id):
        return int(user.post(create("FileComponent", id=component_id)).status_code)

    early, late = str(uuid4()), str(uuid4())
    urls = [second_user.announce(component_id, 5)["url"] for component_id in (early, late)]
    assert requests.put(urls[0], data=b"bytes", timeout=TIMEOUT_SECONDS).ok
    # Neither are the bytes of one user read, nor those of a component replaced, by the user who also knows its id.
    assert status_of_creation(limited, early) == 403
    assert status_of_creation(limited, late) == 200
    assert requests.put(urls[1], data=b"other", timeout=TIMEOUT_SECONDS).status_code == 403
    assert status_of_creation(second_user, early) == 200
    assert requests.put(urls[0], data=b"again", timeout=TIMEOUT_SECONDS).ok


def test_lost_media_of_a_published_component_can_be_uploaded_again(http_client):
    component_id = http_client.upload(b"movie")
    http_client.publish(component_id)
    assert http_client.get("/component/remove", component_id).status_code == 200
    url = http_client.announce(component_id, 5)["url"]
    assert requests.put(url, data=b"movie", timeout=TIMEOUT_SECONDS).status_code == 200


def test_uploads_are_in_the_audit_log(http_client):
    component_id = http_client.upload(b"movie")
    with open_admin(http_client.server.data) as admin:
        changes = admin.run("audit", entity=component_id)["changes"]
    assert [change["action"] for change in changes] == ["upload", "create"]
    assert {change["username"] for change in changes} == {http_client.server.credentials.api_user}


def test_media_of_a_closed_review_cannot_be_removed(http_client):
    component_id, (ids, operations) = http_client.upload(b"movie"), review_operations(name="dailies")
    http_client.publish(component_id)
    answer = http_client.post(*operations, update("FileComponent", component_id, version_id=ids.version))
    assert answer.ok, answer.text
    assert http_client.post(update("ReviewSession", ids.session, end_date=PAST)).ok
    refused = http_client.get("/component/remove", component_id)
    assert not refused.ok
    assert "The review session 'dailies' is closed" in refused.text
    assert http_client.get("/component/get", component_id).content == b"movie"
    assert http_client.post(update("ReviewSession", ids.session, end_date=None)).ok
    assert http_client.get("/component/remove", component_id).ok
    with open_admin(http_client.server.data) as admin:
        actions = [change["action"] for change in admin.run("audit", entity=component_id)["changes"]]
    assert actions.count("remove media") == 1


SECRET = b"s" * 32


def test_review_key_is_stable_and_differs_between_sessions():
    assert review_key(SECRET, "a") == "ToprGDrs7mDqIeZdLjYr-Dh2QrIOcN5s"
    assert review_key(SECRET, "b") != review_key(SECRET, "a")
    assert review_key(b"t" * 32, "a") != review_key(SECRET, "a")


@pytest.mark.parametrize("wrong", ["", "a", "x" * 32, "\u00fc" * 32, "\ud800", review_key(SECRET, "b")])
def test_review_session_accepts_only_its_own_key(wrong):
    assert is_review_key(SECRET, "a", review_key(SECRET, "a"))
    assert not is_review_key(SECRET, "a", wrong)


def test_verify_returns_the_signed_claims():
    token = sign(SECRET, "upload", {"component_id": "\u00fc/..", "size": 4}, 60)
    assert verify(SECRET, "upload", token) == {"component_id": "\u00fc/..", "size": 4}


def test_token_consists_of_url_safe_characters():
    token = sign(SECRET, "upload", {"component_id": "?&=#/+ " * 9}, 60)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@pytest.mark.parametrize("token", ["", ".", "a.b", "\ud800.\ud800", "e30.", "." + "x" * 43, "x" * 10_000])
def test_malformed_token_is_rejected(token):
    with pytest.raises(Forbidden, match="signature"):
        verify(SECRET, "upload", token)


def test_token_is_rejected_for_another_purpose_secret_or_after_expiry():
    token = sign(SECRET, "upload", {}, 60)
    payload, signature = token.split(".")
    for secret, purpose, sent in (
        (SECRET, "download", token),
        (b"t" * 32, "upload", token),
        (SECRET, "upload", f"{payload[:-2]}AA.{signature}"),
        (SECRET, "upload", f"{payload}."),
    ):
        with pytest.raises(Forbidden, match="signature"):
            verify(secret, purpose, sent)
    with pytest.raises(Forbidden, match="expired"):
        verify(SECRET, "upload", sign(SECRET, "upload", {}, -1))
