"""A real browser, numbered films, and review sessions on the real server that show them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate
from ft_dcc.media import encode, ffmpeg, thumbnail, transcode
from ft_dcc.server.outbox import letters
from ft_dcc.session import SERVER_LOCATION_ID, Session, operations, transfer

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_WIDTH, _HEIGHT, _BITS = 640, 360, 10
# The number that the picture itself shows, read back from its ten blocks.
_READ_PICTURE = """() => {
  const film = document.querySelector("video");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [film.videoWidth, film.videoHeight];
  const context = canvas.getContext("2d");
  context.drawImage(film, 0, 0);
  let number = 0;
  for (let bit = 0; bit < 10; bit += 1) {
    const [grey] = context.getImageData(bit * 64 + 32, 180, 1, 1).data;
    number = number * 2 + (grey > 127 ? 1 : 0);
  }
  return number;
}"""


_HAS_SOMETHING = """() => document.querySelector("#page").dataset.state === "loaded"
  && (/\\d/.test(document.querySelector("#frame-number").value)
      || document.querySelector("#still:not([hidden]), #stage-notice:not([hidden]), #strip-notice:not([hidden])"))"""


@attrs.frozen
class Film:
    """A film whose pictures show their own index in black and white blocks."""

    path: Path
    fps: str
    first_frame: int
    frame_count: int

    def facts(self) -> dict[str, Any]:
        return {"fps": self.fps, "first_frame": self.first_frame, "frame_count": self.frame_count}


@attrs.frozen
class Entry:
    """One version in a review session: its id there, and where its film is."""

    id: str
    address: str
    component_id: str
    version_id: str


def _make_film(folder: Path, fps: str, first_frame: int = 1001, frame_count: int = 24) -> Film:
    """Encode numbered frames as a publish does."""
    place = folder / f"{fps.replace('/', '-')}-{first_frame}-{frame_count}"
    place.mkdir(exist_ok=True)
    bits = (numpy.arange(frame_count)[:, None] >> numpy.arange(_BITS)[::-1]) & 1
    rows = numpy.repeat(numpy.where(bits, 200, 50), _WIDTH // _BITS, axis=1).astype(numpy.uint8)
    pixels = numpy.repeat(rows[:, None, :], _HEIGHT, axis=1).tobytes()
    pattern = str(place / "numbered.%04d.png")
    read = f"-f rawvideo -pix_fmt gray -s {_WIDTH}x{_HEIGHT} -i -".split()
    _ffmpeg(*read, "-pix_fmt", "rgb24", "-start_number", str(first_frame), pattern, pixels=pixels)
    frame_range = FrameRange(first_frame, first_frame + frame_count - 1)
    frames = Frames(pattern, frame_range, frame_rate(fps), Resolution(_WIDTH, _HEIGHT))
    path = place / "film.mp4"
    encode(frames, path)
    return Film(path, fps, first_frame, frame_count)


def _ffmpeg(*arguments: str, pixels: bytes = b"") -> None:
    subprocess.run([ffmpeg.find(), "-v", "error", "-y", *arguments], input=pixels, check=True, timeout=120)


def _with_sound(film: Film) -> Film:
    """The same film with a tone that is longer than the picture, as a publish takes it over."""
    loud, path = film.path.with_name("loud.mov"), film.path.with_name("sound.mp4")
    tone = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=4")
    _ffmpeg("-i", str(film.path), *tone, "-c:v", "copy", "-c:a", "pcm_s16le", str(loud))
    transcode(loud, path)
    return attrs.evolve(film, path=path)


class Reviews:
    """Makes review sessions of one shot and puts films into them, as a publish would."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._folder = folder
        schema = session.query("ProjectSchema").first()
        name = f"hummingbird-{uuid.uuid4().hex[:8]}"
        self._project = session.create("Project", {"name": name, "full_name": "Hummingbird", "project_schema": schema})
        sequence = session.create("Sequence", {"name": "sq010", "parent": self._project})
        self._shot = session.create("Shot", {"name": "sh010", "parent": sequence})
        kind = session.query('Type where name is "Animation"').one()
        status = session.query('Status where name is "In progress"').one()
        task = {"name": "animation", "parent": self._shot, "type": kind, "status": status}
        self._task = session.create("Task", task)
        self._asset_type = session.query('AssetType where short is "upload"').one()
        session.commit()

    def open(self, name: str = "Dailies") -> str:
        """Return the id of a new, empty review session."""
        review = self._session.create("ReviewSession", {"name": name, "project": self._project})
        self._session.commit()
        return str(review["id"])

    def link(self, review_id: str) -> str:
        """Return the address that opens the session's page."""
        found = self._session.query(f'select review_url from ReviewSession where id is "{review_id}"').one()
        return str(found["review_url"])

    def add(self, review_id: str, film: Film | None, **told: Any) -> Entry:
        """Put a version with this film into the session; ``told`` is what to say otherwise about it."""
        ids = {kind: str(uuid.uuid4()) for kind in ("asset", "version", "object", "film", "thumbnail")}
        self._register(ids, review_id, told.get("name", "sh010"), told.get("comment", "Held two frames longer."))
        if film is not None:
            self._attach(ids["version"], ids["film"], told.get("path", film.path), "ftrackreview-mp4")
            self._attach(ids["version"], ids["thumbnail"], _first_picture(film), "thumbnail")
            exact = told.get("exact", film.facts())
            values = {"ftr_meta": {"width": _WIDTH, "height": _HEIGHT}, **({"ft_dcc": exact} if exact else {})}
            self._session.call(
                [
                    operations.update("AssetVersion", ids["version"], {"thumbnail_id": ids["thumbnail"]}),
                    *(self._metadata(ids["film"], key, value) for key, value in values.items()),
                ]
            )
        return Entry(ids["object"], f"{self.link(review_id)}/media/{ids['film']}", ids["film"], ids["version"])

    def attach(self, entry: Entry, path: Path, name: str) -> str:
        """Return the id of a new component of the same version."""
        component_id = str(uuid.uuid4())
        self._attach(entry.version_id, component_id, path, name)
        return component_id

    def invite(self, review_id: str, name: str) -> str:
        """Return the link that somebody gets by mail, as it lies in the outbox."""
        invitee = {"id": str(uuid.uuid4()), "name": name, "email": f"{name.split()[0].lower()}@example.com"}
        sending = {"action": "send_review_session_invite", "review_session_invitee_id": invitee["id"]}
        self._session.call([operations.create("ReviewSessionInvitee", {**invitee, "review_session_id": review_id})])
        before = set(letters(self._folder / "outbox"))
        self._session.call([sending])
        (letter,) = set(letters(self._folder / "outbox")) - before
        (link,) = re.findall(r"http://\S+", letter.text)
        return str(link)

    def change(self, review_id: str, **data: Any) -> None:
        """The session has these values."""
        self._session.call([operations.update("ReviewSession", review_id, data)])

    def notes(self, entry: Entry) -> list[Any]:
        """Return the notes on an entry as a client of the API sees them."""
        self._session.reset()
        return list(self._session.query(f'Note where parent_id is "{entry.id}" order by date'))

    def close(self, review_id: str) -> None:
        """The session ended long ago."""
        ended = {"__type__": "datetime", "value": "2020-01-01T00:00:00"}
        self._session.call([operations.update("ReviewSession", review_id, {"end_date": ended})])

    def delete(self, review_id: str) -> None:
        """The session and what is in it are gone."""
        self._session.call([operations.delete("ReviewSession", review_id)])

    def _register(self, ids: dict[str, str], review_id: str, name: str, comment: str) -> None:
        place = {"context_id": self._shot["id"], "type_id": self._asset_type["id"]}
        version = {"id": ids["version"], "asset_id": ids["asset"], "task_id": self._task["id"], "comment": comment}
        item = {"id": ids["object"], "name": name, "version": "Version 1", "version_id": ids["version"]}
        self._session.call(
            [
                operations.create("Asset", {"id": ids["asset"], "name": f"playblast {ids['asset'][:4]}", **place}),
                operations.create("AssetVersion", version),
                operations.create("ReviewSessionObject", {**item, "review_session_id": review_id}),
            ]
        )

    def _attach(self, version_id: str, component_id: str, path: Path, name: str) -> None:
        transfer.upload(self._session, path, component_id=component_id, name=name, file_type=path.suffix)
        place = {"component_id": component_id, "location_id": SERVER_LOCATION_ID, "resource_identifier": component_id}
        self._session.call(
            [
                operations.update("FileComponent", component_id, {"version_id": version_id}),
                operations.create("ComponentLocation", {"id": str(uuid.uuid4()), **place}),
            ]
        )

    def _metadata(self, component_id: str, key: str, value: dict[str, Any]) -> dict[str, Any]:
        data = {"parent_id": component_id, "parent_type": "FileComponent", "key": key, "value": json.dumps(value)}
        return operations.create("Metadata", data)


def _first_picture(film: Film) -> Path:
    picture = film.path.with_suffix(".jpg")
    thumbnail(film.path, picture)
    return picture


class ReviewPage:
    """The page as a person sees it: its counter, its picture, its keys."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)

    def open(self, address: str) -> None:
        """Load the page and wait until a film, or a sentence in its place, is there."""
        self.page.goto(address)
        self.page.wait_for_function(_HAS_SOMETHING)

    def jump(self, number: int) -> None:
        """Type a frame number into the counter."""
        self.page.fill("#frame-number", str(number))
        self.page.press("#frame-number", "Enter")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def wait_for(self, number: int) -> None:
        """Wait until the page says that this frame is on the screen."""
        self.page.wait_for_function(
            "wanted => document.querySelector('#frame-number').value === wanted", arg=str(number), timeout=10_000
        )

    def wait_until_still(self) -> None:
        """Wait until the film stands and no seek is on its way."""
        self.page.wait_for_function(
            "() => { const film = document.querySelector('video'); return film.paused && !film.seeking; }"
        )

    def picture(self) -> int:
        """Return the index that the picture on the screen shows, once no seek is on its way."""
        self.page.wait_for_function("() => !document.querySelector('video').seeking")
        return int(self.page.evaluate(_READ_PICTURE))

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def view(browser: Browser) -> Iterator[ReviewPage]:
    """A page in a browser that knows nothing yet; it must not have complained about anything at the end."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    view = ReviewPage(context.new_page())
    yield view
    context.close()
    assert view.complaints == []


@pytest.fixture(scope="session")
def make_film(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Film]:
    """Makes films: ``make_film("24000/1001", 1001, 24)``."""
    return partial(_make_film, tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def add_sound() -> Callable[[Film], Film]:
    return _with_sound


@pytest.fixture(scope="session")
def film(make_film: Callable[..., Film]) -> Film:
    return make_film("24")


@pytest.fixture(scope="session")
def other_film(make_film: Callable[..., Film]) -> Film:
    return make_film("25", first_frame=101, frame_count=30)


@pytest.fixture(scope="session")
def reviews(server_process: Any) -> Iterator[Reviews]:
    known = server_process.credentials
    with Session(known.server_url, known.api_key, known.api_user) as session:
        yield Reviews(session, server_process.data)
