"""Access is judged by a clock that does not go back when that of the machine does."""

import time
from uuid import uuid4

import pytest
from starlette.requests import Request
from starlette.responses import Response

from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.auth import api_keys, browser_sessions, tokens
from ft_dcc.server.context import open_server_context
from ft_dcc.server.database import clock
from ft_dcc.server.entities.batch import create_operation
from ft_dcc.server.errors import Forbidden, ReviewSessionClosedError
from ft_dcc.server.review.access import authorize

_HOUR = 3600


@pytest.fixture
def set_clock(monkeypatch):
    """Set the clock of the machine forward or back by so many seconds."""
    machine = time.time

    def set_by(seconds: float) -> None:
        monkeypatch.setattr(clock.time, "time", lambda: machine() + seconds)

    yield set_by
    monkeypatch.undo()
    clock.start(0)


def call(studio, operation):
    with studio.store.reading() as connection:
        return make_dispatcher(studio).answer(api_keys.first_user(connection), [operation])[0]["data"]


def create(studio, entity_type, **data):
    return str(call(studio, create_operation(entity_type, {"id": str(uuid4()), **data}))["id"])


def test_the_clock_continues_when_that_of_the_machine_goes_back(set_clock):
    clock.start(0)
    set_clock(+2 * _HOUR)
    later = clock.now()
    set_clock(-2 * _HOUR)
    assert later <= clock.now() < later + _HOUR


def test_a_review_stays_open_or_closed_when_the_clock_is_set_back(tmp_path, set_clock):
    with open_server_context(tmp_path) as studio:
        project = create(studio, "Project", name="film")
        ended = clock.as_text(clock.now() - 1)
        closed = create(studio, "ReviewSession", name="closed", project_id=project, end_date=ended)
        opened = create(studio, "ReviewSession", name="open", project_id=project)
    set_clock(-2 * _HOUR)
    with open_server_context(tmp_path) as studio:
        found = call(studio, {"action": "query", "expression": "select is_open from ReviewSession"})
        assert {row["id"]: row["is_open"] for row in found} == {closed: False, opened: True}
        with studio.store.reading() as connection:
            key = tokens.review_key(studio.secret, opened)
            assert not authorize(studio, connection, opened, key, "").has_ended
            key = tokens.review_key(studio.secret, closed)
            assert authorize(studio, connection, closed, key, "").has_ended
        with pytest.raises(ReviewSessionClosedError):
            create(studio, "Note", content="late", parent_id=closed, parent_type="ReviewSession")


def sign_in(studio, user):
    """Return a request of a browser that has just signed in."""
    browsers, response = browser_sessions.BrowserSessions(studio.store, studio.secret), Response()
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "scheme": "http"}
    browsers.begin(Request({**scope, "server": ("studio.test", 80)}), response, user)
    return Request({**scope, "headers": [(b"cookie", response.headers["set-cookie"].partition(";")[0].encode())]})


def test_logins_and_urls_are_in_order_when_the_clock_is_set_back(tmp_path, set_clock):
    with open_server_context(tmp_path) as studio:
        with studio.store.reading() as connection:
            user = api_keys.first_user(connection)
        assert user is not None
        expired = tokens.sign(studio.secret, "test", {}, -1)
        before = sign_in(studio, user)
        studio.store.write(lambda connection: browser_sessions.sign_out_everywhere(connection, user.id))
        studio.store.write(lambda connection: api_keys.issue_key(connection, user.id))
        studio.store.write(lambda connection: api_keys.revoke_keys(connection, user.id))
    set_clock(-2 * _HOUR)
    with open_server_context(tmp_path) as studio:
        browsers = browser_sessions.BrowserSessions(studio.store, studio.secret)
        assert browsers.find_user(before) is None
        assert browsers.find_user(sign_in(studio, user)) == user
        with studio.store.reading() as connection:
            assert api_keys.active_user_since(connection, user.id, clock.now()) == user
        with pytest.raises(Forbidden, match="expired"):
            tokens.verify(studio.secret, "test", expired)


def test_a_sign_out_ends_sessions_that_began_while_the_clock_was_ahead(tmp_path, set_clock):
    with open_server_context(tmp_path) as studio:
        with studio.store.reading() as connection:
            user = api_keys.first_user(connection)
        set_clock(+2 * _HOUR)
        cookie = sign_in(studio, user)
    set_clock(0)
    with open_server_context(tmp_path) as studio:
        browsers = browser_sessions.BrowserSessions(studio.store, studio.secret)
        assert browsers.find_user(cookie) == user
        studio.store.write(lambda connection: browser_sessions.sign_out_everywhere(connection, user.id))
        assert browsers.find_user(cookie) is None


def test_a_clock_that_was_ahead_is_reset_on_request(tmp_path, set_clock, caplog):
    year = 365 * 24 * _HOUR
    set_clock(+year)
    with open_server_context(tmp_path) as studio:
        create(studio, "Project", name="film")
        with studio.store.reading() as connection:
            user = api_keys.first_user(connection)
        assert user is not None
        token, cookie = tokens.sign(studio.secret, "test", {}, _HOUR), sign_in(studio, user)
        studio.store.write(lambda connection: browser_sessions.sign_out_everywhere(connection, user.id))
    set_clock(0)
    with open_server_context(tmp_path):
        assert clock.now() > time.time() + year - _HOUR
        assert "--reset-clock" in caplog.text
    with open_server_context(tmp_path, is_clock_reset=True) as studio:
        assert clock.now() < time.time() + _HOUR
        browsers = browser_sessions.BrowserSessions(studio.store, studio.secret)
        assert browsers.find_user(cookie) is None
        assert browsers.find_user(sign_in(studio, user)) == user
        with pytest.raises(Forbidden, match="expired"):
            tokens.verify(studio.secret, "test", token)
    with open_server_context(tmp_path):
        assert clock.now() < time.time() + _HOUR
