"""Every route that accepts a body, for a user with all rights: the largest, a larger one, wrong types in each field."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles.reviews import make_review, see
from run_options import TIMEOUT_SECONDS, sample
from server.test_home import signed_in
from starlette.routing import Route

from ft_dcc.server.admin.commands import COMMANDS
from ft_dcc.server.app import make_app
from ft_dcc.server.context import open_server_context
from ft_dcc.server.work.budgets import read_budgets

BUDGETS = read_budgets()
# Each look at the clock is an hour later, so that no rate limit keeps a request from its route.
UNLIMITED = """
import itertools
from ft_dcc.server.work.budgets import TokenBucket
hours = itertools.count(step=3600.0)
TokenBucket.__init__.__defaults__ = (lambda: next(hours),)
"""
RIGHTS = "view comment draw decide edit download present"
FIELDS = (
    *("object", "note", "id", "content", "frame", "end_frame", "drawing", "labels", "mentions", "files", "done"),
    *("status", "objects", "lines", "in_reply_to", "previous", "aspect", "drawing_end", "replace", "name"),
    *("description", "versions"),
)
COMMAND_FIELDS = ("name", "role", "projects", "user", "key", "most", "entity", "url", "kind", "id", "text", "apply")
HOSTILE = ([1], {"a": [None]}, 10**400, "x\x00\ud800", True, [[["x"]]], -1.5, [{"kind": [1], "points": 1}])
SHAPES = ({"kind": [1]}, {"kind": "line", "colour": "#ff0000", "width": 10**400, "from": [0, 10**400]})


def paths(folder: Path, **values: str) -> Iterator[str]:
    """Yield the path of each route that accepts a body, with these values, once for each command."""
    with open_server_context(folder) as context:
        routes = [route for route in make_app(context).routes if isinstance(route, Route)]
    for route in routes:
        if "POST" in (route.methods or ()):
            path = route.path
            for name, value in values.items():
                path = path.replace(f"{{{name}}}", value)
            yield from (path.replace("{command}", name) for name in (COMMANDS if "{command}" in path else ["-"]))


def bodies(path: str, object_id: str) -> Iterator[object]:
    """Yield JSON with wrong types in all fields together, and in each field of a request that is right otherwise."""
    names = COMMAND_FIELDS if "/commands/" in path or path.startswith("/studio/") else FIELDS
    right = {"name": "admin", "user": "admin"} if names is COMMAND_FIELDS else {"object": object_id, "content": "x"}
    yield from (dict.fromkeys(names, value) for value in HOSTILE)
    yield from HOSTILE
    # In a normal run, another value at each route.
    yield from sample([{**right, name: value} for name in names for value in HOSTILE[:3]], 3, len(path) % 3)
    if path.endswith("/notes"):
        yield from ({**right, "frame": 1, "drawing": [shape]} for shape in SHAPES)


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory, start_module_server, http_client_for):
    data = tmp_path_factory.mktemp("unlimited") / "data"
    return http_client_for(start_module_server(data, "--request-limit", "0", change=UNLIMITED))


def test_each_route_bounds_its_body_and_never_fails_for_a_wrong_type(unlimited, tmp_path):
    server, review = unlimited.server, make_review(unlimited)
    credentials = server.credentials
    assert review.change("ReviewSessionInvitee", review.invitee, rights=RIGHTS).status_code == 200
    link = review.invite()
    values = {"review_session_id": review.session, "key": link.rpartition("/")[2], "token": "x"}
    found, reached = list(paths(tmp_path, **values)), set[str]()
    for path in found:
        address, limit = f"{server.url}{path}", BUDGETS.body_limit(path)
        # A route may sign the browser out or end its key.
        with signed_in(server, credentials.api_user, credentials.api_key) as browser:
            options = {"headers": server.headers, "allow_redirects": False, "timeout": TIMEOUT_SECONDS}
            for body in () if path.endswith(("/attachments", "/studio/load")) else bodies(path, review.object):
                answer = browser.post(address, json=body, **options)
                assert answer.status_code < 500 and answer.status_code != 429, (path, body, answer.text)
                if answer.status_code not in (401, 403):
                    reached.add(path)
            if limit.max_bytes <= 8 << 20:
                assert browser.post(address, data=b"x" * limit.max_bytes, **options).status_code != 413, path
                refused = browser.post(address, data=b"x" * (limit.max_bytes + 1), **options)
                assert (refused.status_code, "at most" in refused.text) == (413, True), path
            assert browser.head(address, **options).status_code < 500
    assert see(link, "data").status_code == 200
    assert set(found) - reached == {path for path in found if path.endswith(("/attachments", "/studio/load"))}
