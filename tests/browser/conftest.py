"""Provide a real browser, numbered movies, and review sessions on the real server that show them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from browser_drivers import EngineHung
from browser_drivers.webkit import WebKit
from doubles.numbered_movies import Movie, publish_movie
from playwright.sync_api import Browser, BrowserContext, Page, expect
from run_options import TIMEOUT_SECONDS

from ft_dcc.media import thumbnail
from ft_dcc.server.database.seed import fixed_id
from ft_dcc.server.mail.outbox import queued_messages
from ft_dcc.session import SERVER_LOCATION_ID, Session, operations
from ft_dcc.session.transfer import transfer

# The index that the frame itself shows (doubles/numbered_movies.py), or -1 if its two halves disagree.
READ_INDEX = """selector => {
  const movie = document.querySelector(selector ?? "#movie");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [movie.videoWidth, movie.videoHeight];
  const context = canvas.getContext("2d");
  context.drawImage(movie, 0, 0);
  const isWhite = (bit, row) => context.getImageData(
    Math.floor((bit + 0.5) * canvas.width / 14), Math.floor(canvas.height * row), 1, 1).data[0] > 127;
  let index = 0;
  for (let bit = 0; bit < 14; bit += 1) {
    if (isWhite(bit, 0.25) === isWhite(bit, 0.75)) return -1;
    index = index * 2 + Number(isWhite(bit, 0.25));
  }
  return index;
}"""

# A script for pages that wait for seconds before they try again: they wait a twentieth of it.
SHORT_PAUSES = (
    "const pause = window.setTimeout; window.setTimeout = (call, wait, ...more) =>"
    " pause(call, wait > 1000 ? wait / 20 : wait, ...more);"
)
# Playwright has a time-out of its own for assertions; that of actions belongs to each browser context.
expect.set_options(timeout=TIMEOUT_SECONDS * 1000)

_HAS_SOMETHING = """() => document.querySelector("#page").dataset.state === "loaded"
  && (/\\d/.test(document.querySelector("#frame-number").value)
      || document.querySelector("#still:not([hidden]), #stage-notice:not([hidden]), #strip-notice:not([hidden])"))"""


@attrs.frozen
class ReviewVersion:
    """A version in a review session: its id there, and the URL of its movie."""

    id: str
    address: str
    component_id: str
    version_id: str
    asset_id: str


class Reviews:
    """Creates review sessions of one shot and adds versions with movies, as a publish does."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._folder = folder
        self._links: dict[str, str] = {}
        name = f"hummingbird-{uuid.uuid4().hex[:8]}"
        schema = {"project_schema_id": fixed_id("ProjectSchema", "VFX")}
        self._project = session.create("Project", {"name": name, "full_name": "Hummingbird", **schema})
        sequence = session.create("Sequence", {"name": "sq010", "parent": self._project})
        self._shot = session.create("Shot", {"name": "sh010", "parent": sequence})
        kind = {"type_id": fixed_id("Type", "Animation"), "status_id": fixed_id("Status", "In progress")}
        self._task = session.create("Task", {"name": "animation", "parent": self._shot, **kind})
        session.commit()

    @property
    def session(self) -> Session:
        """The session that creates the reviews."""
        return self._session

    def open(self, name: str = "Dailies") -> str:
        """Return the id of a new, empty review session."""
        review = self._session.create("ReviewSession", {"name": name, "project": self._project})
        self._session.commit()
        return str(review["id"])

    def link(self, review_id: str) -> str:
        """Return the public link of the session."""
        if review_id not in self._links:
            found = self._session.query(f'select review_url from ReviewSession where id is "{review_id}"').one()
            self._links[review_id] = str(found["review_url"])
        return self._links[review_id]

    def add(self, review_id: str, movie: Movie | None, **options: Any) -> ReviewVersion:
        """Add a version with this movie; options: ``name``, ``comment``, ``path``, ``exact``, ``after``, a version."""
        ids = {kind: str(uuid.uuid4()) for kind in ("asset", "version", "object", "movie", "thumbnail")}
        before: ReviewVersion | None = options.get("after")
        created = [self._asset(ids["asset"])] if before is None else []
        if before is not None:
            ids["asset"] = before.asset_id
        created += self._version(ids, review_id, options.get("name", "sh010"), options.get("comment"))
        if movie is not None:
            created += self._attach(ids["version"], ids["movie"], options.get("path", movie.path), "ftrackreview-mp4")
            created += self._attach(ids["version"], ids["thumbnail"], _first_frame(movie.path), "thumbnail")
            exact = options.get("exact", movie.facts())
            values = {
                "ftr_meta": {"width": movie.size[0], "height": movie.size[1]},
                **({"ft_dcc": exact} if exact else {}),
            }
            created += [
                operations.update("AssetVersion", ids["version"], {"thumbnail_id": ids["thumbnail"]}),
                *(self._metadata(ids["movie"], key, value) for key, value in values.items()),
            ]
        self._session.call(created)
        return ReviewVersion(
            ids["object"], f"{self.link(review_id)}/media/{ids['movie']}", ids["movie"], ids["version"], ids["asset"]
        )

    def attach(self, version: ReviewVersion, path: Path, name: str) -> str:
        """Return the id of a new component of the same version."""
        component_id = str(uuid.uuid4())
        self._session.call(self._attach(version.version_id, component_id, path, name))
        return component_id

    def invite(self, review_id: str, name: str, rights: str | None = None) -> str:
        """Invite a reviewer and return the link in the queued mail."""
        invitee: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "name": name,
            "email": f"{name.split()[0].lower()}@example.com",
        }
        if rights is not None:
            invitee["rights"] = rights
        self._session.call([operations.create("ReviewSessionInvitee", {**invitee, "review_session_id": review_id})])
        return self.send_link(invitee["id"])

    def send_link(self, invitee_id: str) -> str:
        """Send a new link to an invitee and return it."""
        before = set(queued_messages(self._folder / "outbox"))
        sending = {"action": "send_review_session_invite", "review_session_invitee_id": invitee_id}
        self._session.call([sending])
        (letter,) = set(queued_messages(self._folder / "outbox")) - before
        (link,) = re.findall(r"http://\S+", letter.text)
        return str(link)

    def change(self, review_id: str, **data: Any) -> None:
        """Update the session."""
        self._session.call([operations.update("ReviewSession", review_id, data)])

    def notes(self, version: ReviewVersion) -> list[Any]:
        """Return the notes on a version as an API client reads them."""
        self._session.reset()
        return list(self._session.query(f'Note where parent_id is "{version.id}" order by date'))

    def close(self, review_id: str) -> None:
        """Set the end of the session to the past."""
        ended = {"__type__": "datetime", "value": "2020-01-01T00:00:00"}
        self._session.call([operations.update("ReviewSession", review_id, {"end_date": ended})])

    def delete(self, review_id: str) -> None:
        """Delete the session with its content."""
        self._session.call([operations.delete("ReviewSession", review_id)])

    def _asset(self, asset_id: str) -> dict[str, Any]:
        place = {"context_id": self._shot["id"], "type_id": fixed_id("AssetType", "upload")}
        return operations.create("Asset", {"id": asset_id, "name": f"playblast {asset_id[:4]}", **place})

    def _version(self, ids: dict[str, str], review_id: str, name: str, comment: str | None) -> list[dict[str, Any]]:
        text = "Held two frames longer." if comment is None else comment
        version = {"id": ids["version"], "asset_id": ids["asset"], "task_id": self._task["id"], "comment": text}
        item = {"id": ids["object"], "name": name, "version": "Version 1", "version_id": ids["version"]}
        return [
            operations.create("AssetVersion", version),
            operations.create("ReviewSessionObject", {**item, "review_session_id": review_id}),
        ]

    def _attach(self, version_id: str, component_id: str, path: Path, name: str) -> list[dict[str, Any]]:
        """Upload a file, and return the operations that attach it to a version."""
        transfer.upload(self._session, path, component_id=component_id, name=name, file_type=path.suffix)
        place = {"component_id": component_id, "location_id": SERVER_LOCATION_ID, "resource_identifier": component_id}
        return [
            operations.update("FileComponent", component_id, {"version_id": version_id}),
            operations.create("ComponentLocation", {"id": str(uuid.uuid4()), **place}),
        ]

    def _metadata(self, component_id: str, key: str, value: dict[str, Any]) -> dict[str, Any]:
        data = {"parent_id": component_id, "parent_type": "FileComponent", "key": key, "value": json.dumps(value)}
        return operations.create("Metadata", data)


@cache
def _first_frame(movie: Path) -> Path:
    image = movie.with_suffix(".jpg")
    thumbnail(movie, image)
    return image


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: Any) -> bool | None:
    """Run a test again in another window if WebKitGTK has stopped answering its driver, whatever the page does."""
    driver = getattr(pyfuncitem.funcargs.get("page"), "driver", None)
    if not isinstance(driver, WebKit):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    try:
        pyfuncitem.obj(**arguments)
    except EngineHung:
        driver.restart()
        pyfuncitem.obj(**arguments)
    return True


class ReviewPage:
    """The page as a reviewer uses it: its counter, its image, its keys."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def open(self, address: str) -> None:
        """Load the page and wait for a frame, an image or a notice."""
        self.page.goto(address)
        self.page.wait_for_function(_HAS_SOMETHING)

    def jump(self, number: int) -> None:
        """Type a frame number into the counter."""
        self.page.fill("#frame-number", str(number))
        self.page.press("#frame-number", "Enter")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def wait_for(self, number: int) -> None:
        """Wait until the page shows this frame number."""
        self.page.wait_for_function(
            "wanted => document.querySelector('#frame-number').value === wanted", arg=str(number)
        )

    def leave(self) -> None:
        """Leave the page and forget its errors: those of a request that is still running would come after the test."""
        self.page.goto("about:blank")
        self.errors.clear()

    def wait_until_still(self) -> None:
        """Wait until the movie is paused on the frame that was requested last."""
        self.page.wait_for_function(
            "() => document.querySelector('video').paused"
            " && document.querySelector('#stage').dataset.settled === 'true'"
        )

    def shown_index(self, selector: str = "#movie") -> int:
        """Return the index that the frame of a video element shows."""
        self.page.wait_for_function("selector => !document.querySelector(selector).seeking", arg=selector)
        return int(self.page.evaluate(READ_INDEX, selector))

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Return a function that opens a fresh browser profile with the one time-out; all are closed after the test."""
    with ExitStack() as opened:

        def new_context(**options: Any) -> BrowserContext:
            context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
            opened.callback(context.close)
            context.set_default_timeout(TIMEOUT_SECONDS * 1000)
            return context

        yield new_context


@pytest.fixture(scope="session")
def signed_in_cookies(browser: Browser, server_process: Any) -> list[Any]:
    """Return the cookies of a browser in which the first user has signed in on the page."""
    context = browser.new_context()
    sign_in(context.new_page(), server_process.credentials)
    cookies = context.cookies()
    context.close()
    return list(cookies)


def sign_in(page: Page, known: Any, server_url: str = "") -> None:
    """Sign in on the page of the server, and wait for the home."""
    page.goto(f"{server_url or known.server_url}/")
    page.fill("#user", known.api_user)
    page.fill("#key", known.api_key)
    page.click("button")
    page.wait_for_selector("h1:has-text('Reviews')")


@pytest.fixture
def view(new_context: Callable[..., BrowserContext]) -> Iterator[ReviewPage]:
    """Open a page in a fresh browser profile, and fail if it logs an error."""
    view = ReviewPage(new_context().new_page())
    yield view
    view.page.context.close()
    assert view.errors == []


@pytest.fixture(scope="session")
def make_movie(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Movie]:
    """Return a function that encodes a movie once: ``make_movie("24000/1001", 1001, 24)``."""
    return cache(partial(publish_movie, tmp_path_factory.mktemp("movies")))


@pytest.fixture(scope="session")
def movie(make_movie: Callable[..., Movie]) -> Movie:
    return make_movie("24")


@pytest.fixture(scope="session")
def other_movie(make_movie: Callable[..., Movie]) -> Movie:
    return make_movie("25", first_frame=101, frame_count=30)


@pytest.fixture(scope="session")
def reviews(server_process: Any) -> Iterator[Reviews]:
    known = server_process.credentials
    with Session(known.server_url, known.api_key, known.api_user) as session:
        yield Reviews(session, server_process.data)
