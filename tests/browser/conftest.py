"""Provide a real browser, numbered movies, and review sessions on the real server that show them."""

import json
import re
import uuid
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

import attrs
import pytest
from browser_drivers import EngineHung
from browser_drivers.webkit import WebKit
from doubles.numbered_movies import publish_movie
from playwright.sync_api import Error, expect
from run_options import TIMEOUT_SECONDS

from ft_dcc.media import thumbnail
from ft_dcc.server.database.seed import fixed_id
from ft_dcc.server.mail.mailer import queued_messages
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

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

# The places in the window of parts of the image, which is centred in the stage.
_PLACES = """points => {
  const [movie, still] = [document.querySelector("video"), document.querySelector("#still")];
  const [width, height] = still.hidden
    ? [movie.videoWidth, movie.videoHeight] : [still.naturalWidth, still.naturalHeight];
  const box = document.querySelector("#stage").getBoundingClientRect();
  const scale = Math.min(box.width / width, box.height / height);
  const [left, top] = [box.x + (box.width - width * scale) / 2, box.y + (box.height - height * scale) / 2];
  return points.map(([x, y]) => [left + x * width * scale, top + y * height * scale]);
}"""
_HAS_SOMETHING = """() => document.querySelector("#page")?.dataset.state === "loaded"
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
        return self._session

    def open(self, name: str = "Dailies") -> str:
        review = self._session.create("ReviewSession", {"name": name, "project": self._project})
        self._session.commit()
        return str(review["id"])

    def show(self, *movies, name="Dailies", **options):
        """Return the public link of a new session with a version of each movie; options as in ``add``."""
        review_id = self.open(name)
        for movie in movies:
            self.add(review_id, movie, **options)
        return self.link(review_id)

    def link(self, review_id: str) -> str:
        if review_id not in self._links:
            found = self._session.query(f'select review_url from ReviewSession where id is "{review_id}"').one()
            self._links[review_id] = str(found["review_url"])
        return self._links[review_id]

    def add(self, review_id, movie, **options):
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
            size = dict(zip(("width", "height"), movie.size))
            values = {"ftr_meta": size, **({"ft_dcc": exact} if exact else {})}
            created += [
                operations.update("AssetVersion", ids["version"], {"thumbnail_id": ids["thumbnail"]}),
                *(self._metadata(ids["movie"], key, value) for key, value in values.items()),
            ]
        self._session.call(created)
        return ReviewVersion(
            ids["object"], f"{self.link(review_id)}/media/{ids['movie']}", ids["movie"], ids["version"], ids["asset"]
        )

    def attach(self, version: ReviewVersion, path: Path, name: str) -> str:
        component_id = str(uuid.uuid4())
        self._session.call(self._attach(version.version_id, component_id, path, name))
        return component_id

    def invite(self, review_id, name, rights=None):
        """Invite a reviewer and return the link in the queued mail."""
        invitee = {
            "id": str(uuid.uuid4()),
            "name": name,
            "email": f"{name.split()[0].lower()}@example.com",
        }
        if rights is not None:
            invitee["rights"] = rights
        self._session.call([operations.create("ReviewSessionInvitee", {**invitee, "review_session_id": review_id})])
        return self.send_link(invitee["id"])

    def revoke(self, review_id: str, name: str) -> str:
        expression = f'ReviewSessionInvitee where review_session_id is "{review_id}" and name is "{name}"'
        invitee_id = str(self._session.query(expression).one()["id"])
        self._session.call([{"action": "revoke_review_session_invite", "review_session_invitee_id": invitee_id}])
        return invitee_id

    def write(self, version: ReviewVersion, content: str) -> str:
        note_id = str(uuid.uuid4())
        data = {"id": note_id, "content": content, "parent_id": version.id, "parent_type": "ReviewSessionObject"}
        self._session.call([operations.create("Note", data)])
        return note_id

    def send_link(self, invitee_id: str) -> str:
        before = set(queued_messages(self._folder / "outbox"))
        self._session.call([{"action": "send_review_session_invite", "review_session_invitee_id": invitee_id}])
        (letter,) = set(queued_messages(self._folder / "outbox")) - before
        (link,) = re.findall(r"http://\S+", letter.text)
        return str(link)

    def change(self, review_id, **data):
        self._session.call([operations.update("ReviewSession", review_id, data)])

    def notes(self, version):
        """Return the notes on a version as an API client reads them."""
        self._session.reset()
        return list(self._session.query(f'Note where parent_id is "{version.id}" order by date'))

    def close(self, review_id: str) -> None:
        ended = {"__type__": "datetime", "value": "2020-01-01T00:00:00"}
        self._session.call([operations.update("ReviewSession", review_id, {"end_date": ended})])

    def delete(self, review_id: str) -> None:
        self._session.call([operations.delete("ReviewSession", review_id)])

    def _asset(self, asset_id):
        place = {"context_id": self._shot["id"], "type_id": fixed_id("AssetType", "upload")}
        return operations.create("Asset", {"id": asset_id, "name": f"playblast {asset_id[:4]}", **place})

    def _version(self, ids, review_id, name, comment):
        text = "Held two frames longer." if comment is None else comment
        version = {"id": ids["version"], "asset_id": ids["asset"], "task_id": self._task["id"], "comment": text}
        item = {"id": ids["object"], "name": name, "version": "Version 1", "version_id": ids["version"]}
        return [
            operations.create("AssetVersion", version),
            operations.create("ReviewSessionObject", {**item, "review_session_id": review_id}),
        ]

    def _attach(self, version_id, component_id, path, name):
        transfer.upload(self._session, path, component_id=component_id, name=name, file_type=path.suffix)
        place = {"component_id": component_id, "location_id": SERVER_LOCATION_ID, "resource_identifier": component_id}
        return [
            operations.update("FileComponent", component_id, {"version_id": version_id}),
            operations.create("ComponentLocation", {"id": str(uuid.uuid4()), **place}),
        ]

    def _metadata(self, component_id, key, value):
        data = {"parent_id": component_id, "parent_type": "FileComponent", "key": key, "value": json.dumps(value)}
        return operations.create("Metadata", data)


@cache
def _first_frame(movie: Path) -> Path:
    image = movie.with_suffix(".jpg")
    thumbnail(movie, image)
    return image


# Windows of WebKitGTK in which a test may hang before it fails.
_WINDOWS = 4


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Start a test again in another window if WebKitGTK has stopped answering its driver, whatever the page does.

    A seek of a playing movie can deadlock its GStreamer: the main thread waits in ``gst_pad_pause_task`` of qtdemux for
    a streaming thread that waits for it. A wrong frame is never tried again.
    """
    driver = getattr(pyfuncitem.funcargs.get("page"), "driver", None)
    if not isinstance(driver, WebKit):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    for _ in range(_WINDOWS - 1):
        try:
            pyfuncitem.obj(**arguments)
            return True
        except EngineHung:
            driver.restart()
    pyfuncitem.obj(**arguments)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Add what each open page shows to the report of a failed test."""
    report = yield
    browser = getattr(item, "funcargs", {}).get("browser")
    if report.when == "call" and report.failed and browser is not None:
        for page in (page for context in browser.contexts for page in context.pages):
            report.sections.append((page.url.partition("?")[2] or page.url, _shown(page)))
    return report


def _shown(page):
    try:
        return page.locator("body").aria_snapshot(timeout=10_000)
    except Error as error:
        return f"The page does not answer: {error}"


class ReviewPage:
    """The page as a reviewer uses it: its counter, its image, its keys."""

    def __init__(self, page):
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def open(self, address: str) -> None:
        """Load the page and wait for a frame, an image or a notice."""
        # The load event may wait for the movie.
        self.page.goto(address, wait_until="commit")
        self.page.wait_for_function(_HAS_SOMETHING)

    def reload(self) -> None:
        """Load the page again. The movie, notes and drawings of before come later."""
        self.page.reload(wait_until="commit")

    def jump(self, number: int) -> None:
        """Type a frame number into the counter."""
        self.page.fill("#frame-number", str(number))
        self.page.press("#frame-number", "Enter")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def wait_for(self, number: int) -> None:
        script = "wanted => document.querySelector('#frame-number')?.value === wanted"
        self.page.wait_for_function(script, arg=str(number))

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

    def expect_text(self, selector: str, text: str) -> None:
        """Wait until the first of these elements has this text."""
        expect(self.page.locator(selector).first).to_have_text(text, use_inner_text=True)

    def go(self, number: int) -> None:
        """Type a frame number into the counter, and wait for its frame."""
        self.jump(number)
        self.wait_for(number)

    def draw(self, *points: tuple[float, float]) -> None:
        """Draw one stroke through these parts of the image."""
        places = self.page.evaluate(_PLACES, points)
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()

    def wait_for_strokes(self, count: int) -> None:
        self.page.wait_for_selector(f'#drawing[data-strokes="{count}"]')

    def wait_for_notes(self, count: int) -> None:
        script = "wanted => document.querySelector('#note-count')?.textContent === wanted"
        self.page.wait_for_function(script, arg=str(count))

    def send(self, notes: int, text: str = "") -> None:
        """Send the note, after writing a text into its field, and wait until the version has this number of notes."""
        if text:
            self.page.fill("#note-text", text)
        self.page.click("#send-note")
        self.wait_for_notes(notes)
        # The event of the note can arrive before the answer to its request, which empties the form.
        self.page.wait_for_function("() => document.querySelector('#note-text').value === ''")

    def check(self, movie, index):
        self.wait_for(movie.first_frame + index)
        assert self.shown_index() == index


def violations(page):
    """Return the violated accessibility rules. The debugger evaluates their source: the page's policy stays in force.

    Skip the test if the rules are not installed.
    """
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm --prefix web ci")
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    result = page.evaluate("() => axe.run({ resultTypes: ['violations'] })")
    broken = ((found["id"], found["nodes"]) for found in result["violations"])
    return [f"{rule}: {[(node['target'], node['html'][:120]) for node in nodes]}" for rule, nodes in broken]


@pytest.fixture
def new_context(browser):
    """Return a function that opens a browser profile of its own, for what pages of one profile would share."""
    with ExitStack() as opened:

        def new_context(**options):
            context = _new_context(browser, **options)
            opened.callback(context.close)
            return context

        yield new_context


def _new_context(browser, **options):
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
    context.set_default_timeout(TIMEOUT_SECONDS * 1000)
    return context


@pytest.fixture(scope="session")
def kept_contexts(browser, server_process):
    """Return the two browser profiles of all tests: a new one costs as much CPU as a page."""
    contexts = [_new_context(browser) for _ in range(2)]
    for context in contexts:
        # With a page of the server that stays open, the browser keeps the process that runs its pages.
        context.new_page().goto(f"{server_process.url}/user/sign_in")
    yield contexts
    for context in contexts:
        context.close()


@pytest.fixture
def context(kept_contexts):
    """Return a kept browser profile; after the test, it is as empty as before."""
    yield kept_contexts[0]
    _clear(kept_contexts[0])


@pytest.fixture
def other_context(kept_contexts):
    """Return the other kept profile, for a second person."""
    yield kept_contexts[1]
    _clear(kept_contexts[1])


def _clear(context):
    kept, *opened = context.pages
    for page in opened:
        page.close()
    context.set_offline(False)
    context.clear_cookies()
    kept.evaluate("() => localStorage.clear()")


@pytest.fixture(scope="session")
def signed_in_cookies(kept_contexts, server_process):
    """Return the cookies of a browser in which the first user has signed in on the page."""
    sign_in(kept_contexts[0].new_page(), server_process.credentials)
    cookies = kept_contexts[0].cookies()
    _clear(kept_contexts[0])
    return list(cookies)


def sign_in(page, known, server_url=""):
    page.goto(f"{server_url or known.server_url}/")
    page.fill("#user", known.api_user)
    page.fill("#key", known.api_key)
    page.click("button")
    page.wait_for_selector("h1:has-text('Reviews')")


@pytest.fixture
def view(context):
    """Open a page, and fail if it logs an error."""
    view = ReviewPage(context.new_page())
    yield view
    view.page.close()
    assert view.errors == []


@pytest.fixture
def user_view(view, signed_in_cookies):
    view.page.context.add_cookies(signed_in_cookies)
    return view


@pytest.fixture(scope="session")
def make_movie(tmp_path_factory):
    """Return a function that encodes a movie once: ``make_movie("24000/1001", 1001, 24)``."""
    return cache(partial(publish_movie, tmp_path_factory.mktemp("movies")))


@pytest.fixture(scope="session")
def movie(make_movie):
    return make_movie("24")


@pytest.fixture(scope="session")
def other_movie(make_movie):
    return make_movie("25", first_frame=101, frame_count=30)


@pytest.fixture(scope="session")
def reviews(server_process):
    known = server_process.credentials
    with Session(known.server_url, known.api_key, known.api_user) as session:
        yield Reviews(session, server_process.data)


@pytest.fixture
def review(reviews, movie, other_movie):
    """Return the id of a session with two versions, and the first version."""
    review_id = reviews.open()
    version = reviews.add(review_id, movie)
    reviews.add(review_id, other_movie, name="sh020")
    return review_id, version


@pytest.fixture
def opened(view, reviews, review):
    """Open the page of an invitee whose visit is stored, and return its link."""
    link = reviews.invite(review[0], "Ada Example")
    view.open(link)
    view.page.wait_for_selector('.verdict[data-status="seen"]')
    return link
