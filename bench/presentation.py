"""Measure how many frames a page that follows a presentation is away from the presenter while the movie plays.

Two pages in Chromium show a movie of 24 frames a second, each in a window of its own. Each page records when each frame
is on its screen. ``--small`` plays for a short time.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
import requests
from playwright.sync_api import Browser, Page, sync_playwright

from bench.datasets import ServerProcess, serve_studio
from bench.table import Row, print_table
from ft_dcc.media import ffmpeg
from ft_dcc.session import SERVER_LOCATION_ID, Session, operations
from ft_dcc.session.transfer import transfer

RATE, FRAMES, FIRST_FRAME = 24, 480, 1001
_SETTLE_SECONDS = 4
_SAMPLE_SECONDS = 0.01
# Records the index of each frame and the time at which it is on the screen, on a clock that all pages share.
_RECORD = """rate => {
  const movie = document.querySelector("#movie");
  window.shownFrames = [];
  const record = (now, frame) => {
    window.shownFrames.push([performance.timeOrigin + frame.expectedDisplayTime, Math.round(frame.mediaTime * rate)]);
    movie.requestVideoFrameCallback(record);
  };
  movie.requestVideoFrameCallback(record);
}"""


@attrs.frozen
class _Review:
    link: str
    invitation: str


def run(*, is_small: bool = False) -> bool:
    """Print the table and return whether the goal is reached."""
    seconds = 8 if is_small else 50
    with tempfile.TemporaryDirectory(prefix="ft-dcc-bench-") as name, serve_studio(Path(name)) as server:
        review = _make_review(server, Path(name))
        with sync_playwright() as playwright, _chromium(playwright) as browser:
            rows = [_row(browser, review, seconds, keys) for keys in (["l"], ["l", "l"])]
    return print_table(rows)


def _row(browser: Browser, review: _Review, seconds: float, keys: list[str]) -> Row:
    """Play with these keys, and compare the frames of both pages once playback has settled."""
    presenter, follower = (_open(browser, link) for link in (review.invitation, review.link))
    presenter.click("#present")
    follower.click("#follow")
    follower.wait_for_selector('#stage[data-following="true"]')
    for page in (presenter, follower):
        page.evaluate(_RECORD, RATE)
    for key in keys:
        presenter.keyboard.press(key)
    follower.wait_for_selector('#transport[data-playing="true"]')
    time.sleep(_SETTLE_SECONDS + seconds)
    shown, followed = (page.evaluate("() => window.shownFrames") for page in (presenter, follower))
    distances = _distances(shown, followed)
    for page in (presenter, follower):
        page.context.close()
    p95 = statistics.quantiles(distances, n=100)[94]
    within = sum(each <= 1 for each in distances) / len(distances) * 100
    middle = statistics.median(distances)
    print(f"{len(keys)}x: median {middle:g}, within one frame {within:.1f} %, at most {max(distances)}")
    measure = f"follower at {len(keys)}x, distance to the presenter, 95th percentile"
    return Row(measure, [len(keys)], [p95], 1, "frames", "1/24 s")


def _distances(shown: list[list[float]], followed: list[list[float]]) -> list[int]:
    """Return the distance in frames for each sample of time, by the shorter way around the loop."""
    first = max(shown[0][0], followed[0][0]) + _SETTLE_SECONDS * 1000
    last = min(shown[-1][0], followed[-1][0])
    found = []
    moments = (
        first + number * _SAMPLE_SECONDS * 1000 for number in range(int((last - first) / 1000 / _SAMPLE_SECONDS))
    )
    for moment in moments:
        one, other = (frames[bisect_right(frames, [moment, float("inf")]) - 1][1] for frames in (shown, followed))
        distance = abs(int(one - other)) % FRAMES
        found.append(min(distance, FRAMES - distance))
    return found


@contextmanager
def _chromium(playwright: Any) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("Chromium is not installed.")
    browser = playwright.chromium.launch(executable_path=program, args=["--headless", "--no-sandbox", "--disable-gpu"])
    yield browser
    browser.close()


def _open(browser: Browser, link: str) -> Page:
    page = browser.new_context(viewport={"width": 1100, "height": 700}).new_page()
    page.goto(link)
    page.wait_for_function("first => document.querySelector('#frame-number').value === first", arg=str(FIRST_FRAME))
    return page


def _make_review(server: ServerProcess, folder: Path) -> _Review:
    movie = folder / "movie.mp4"
    source = f"testsrc2=size=640x360:rate={RATE}:duration={FRAMES / RATE}"
    command = [ffmpeg.find(), "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", "-bf", "0", "-g", "24"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(movie)], check=True, timeout=120)
    user, key = server.headers["ftrack-user"], server.headers["ftrack-api-key"]
    ids = {each: str(uuid4()) for each in ("project", "review", "asset", "version", "movie", "invitee")}
    with Session(server.url, key, user) as session:
        transfer.upload(session, movie, component_id=ids["movie"], name="ftrackreview-mp4", file_type=".mp4")
        session.call(_operations(ids))
        before = set((folder / "outbox").glob("*.eml"))
        session.call([{"action": "send_review_session_invite", "review_session_invitee_id": ids["invitee"]}])
        link = str(
            session.query(f'select review_url from ReviewSession where id is "{ids["review"]}"').one()["review_url"]
        )
    (mail,) = set((folder / "outbox").glob("*.eml")) - before
    text = mail.read_text("utf-8").replace("=\n", "").replace("=3D", "=")
    invitation = next(word for word in text.split() if "/review/" in word)
    assert requests.get(invitation, timeout=10).ok
    return _Review(link, invitation)


def _operations(ids: dict[str, str]) -> list[dict[str, Any]]:
    create = operations.create
    facts = {"fps": str(RATE), "first_frame": FIRST_FRAME, "frame_count": FRAMES}
    metadata = {"ftr_meta": {"width": 640, "height": 360}, "ft_dcc": facts}
    invitee = {"name": "Ada Example", "email": "ada@example.com", "rights": "view comment present"}
    place = {"component_id": ids["movie"], "location_id": SERVER_LOCATION_ID, "resource_identifier": ids["movie"]}
    return [
        create("Project", {"id": ids["project"], "name": "bench"}),
        create("ReviewSession", {"id": ids["review"], "name": "Dailies", "project_id": ids["project"]}),
        create("ReviewSessionInvitee", {"id": ids["invitee"], **invitee, "review_session_id": ids["review"]}),
        create("Asset", {"id": ids["asset"], "name": "playblast", "context_id": ids["project"]}),
        create("AssetVersion", {"id": ids["version"], "asset_id": ids["asset"]}),
        create(
            "ReviewSessionObject", {"name": "sh010", "review_session_id": ids["review"], "version_id": ids["version"]}
        ),
        operations.update("FileComponent", ids["movie"], {"version_id": ids["version"]}),
        create("ComponentLocation", {"id": str(uuid4()), **place}),
        *(
            create(
                "Metadata",
                {"parent_id": ids["movie"], "parent_type": "FileComponent", "key": key, "value": json.dumps(value)},
            )
            for key, value in metadata.items()
        ),
    ]
