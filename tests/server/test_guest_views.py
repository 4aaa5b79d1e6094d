"""What guests open: copies with the own name in a watermarked session, audited views, limits for many at once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import attrs
import numpy
import pytest
from doubles.numbered_images import run_ffmpeg
from doubles.operations import create, update
from doubles.reviews import make_review, say, see
from run_options import TIMEOUT_SECONDS, wait_until
from server.test_home import signed_in
from server.test_review_notes import attach

from ft_dcc.server.context import open_server_context
from ft_dcc.server.database import audit_log
from ft_dcc.server.identity import Caller
from ft_dcc.server.review.feedback import note_image_id
from ft_dcc.server.work.budgets import read_budgets

BLACK = ["-f", "lavfi", "-i", "color=black:size=320x180:rate=24"]
H264 = ["-frames:v", "3", "-c:v", "libx264", "-pix_fmt", "yuv420p"]


def publish_media(review, path, name):
    component_id = review.http_client.upload(path.read_bytes(), path.suffix)
    review.http_client.post(update("FileComponent", component_id, version_id=review.version, name=name))
    review.http_client.publish(component_id)
    return f"media/{component_id}"


def brightest(content, path):
    """Return the brightest pixel of the first frame; the published ones are black."""
    path.write_bytes(content)
    run_ffmpeg("-i", path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", path.with_suffix(".raw"))
    return int(numpy.frombuffer(path.with_suffix(".raw").read_bytes(), "u1").max())


@pytest.mark.parametrize("file", ["movie.mp4", "still.jpg"])
def test_each_guest_plays_a_copy_with_the_own_name_and_users_the_movie_itself(review, tmp_path, file):
    name, options = ("ftrackreview-mp4", H264) if file == "movie.mp4" else ("ftrackreview-image", ["-frames:v", "1"])
    path = tmp_path / file
    run_ffmpeg(*BLACK, *options, path)
    url, link = publish_media(review, path, name), review.invite()
    assert see(link, url).content == path.read_bytes()
    review.set(is_watermarked=True)
    assert see(link, "data").json()["is_watermarked"] is True
    first = see(link, url)
    assert (first.status_code, first.headers["Retry-After"], "Your name" in first.text) == (503, "2", True)
    guests = (link, review.link)
    copies = [
        wait_until(lambda guest=guest: see(guest, url).ok and see(guest, url).content, "a copy") for guest in guests
    ]
    assert copies[0] != copies[1] and see(link, url).content == copies[0]
    assert brightest(path.read_bytes(), tmp_path / f"own{path.suffix}") < 20
    for content in copies:
        assert brightest(content, tmp_path / f"copy{path.suffix}") > 50
    assert see(review.link, url, headers=review.http_client.server.headers).content == path.read_bytes()
    for answer in (say(link, "renditions", object=review.object, lines=720), see(link, f"{url}/720")):
        assert answer.status_code == 403
    review.set(is_watermarked=False)
    assert see(link, url).content == path.read_bytes()


def test_nothing_else_shows_a_guest_the_frames_of_a_watermarked_session(review, tmp_path):
    path = tmp_path / "movie.mp4"
    run_ffmpeg(*BLACK, *H264, path)
    publish_media(review, path, "ftrackreview-mp4")
    review.change("ReviewSessionInvitee", review.invitee, rights="view comment draw download")
    link, note = review.invite(), str(uuid4())
    line = {"kind": "pen", "colour": "#ff0000", "width": 0.1, "points": [[0.2, 0.5, 0.5], [0.7, 0.5, 0.5]]}
    assert say(link, "notes", id=note, object=review.object, content="x", frame=1, drawing=[line]).status_code == 200
    image = f"media/{note_image_id(note)}"
    wait_until(lambda: see(link, image).ok, "the image of the note")
    with_images = len(see(link, "export/pdf").content)
    review.set(is_watermarked=True)
    assert see(link, "export/movies").status_code == 403 and see(link, image).status_code == 404
    assert len(see(link, "export/pdf").content) < with_images


def test_a_watermark_of_a_damaged_movie_is_refused_with_a_sentence(review, tmp_path):
    path = tmp_path / "movie.mp4"
    path.write_bytes(b"film" * 1000)
    url, link = publish_media(review, path, "ftrackreview-mp4"), review.invite()
    review.set(is_watermarked=True)
    wait_until(lambda: see(link, url).status_code != 503, "the end of the encode")
    answer = see(link, url)
    assert (answer.status_code, "cannot be made" in answer.text) == (422, True)


def test_a_version_that_a_guest_opens_is_one_view_in_the_audit_log(review):
    link, data = review.invite(), review.http_client.server.data

    def rows(query, *values):
        with closing(sqlite3.connect(data / "studio.db")) as database:
            return sorted(database.execute(query, values))

    # The worker of notifications commits, too.
    wait_until(lambda: not rows("SELECT id FROM ft_dcc_notification"), "the end of the notifications")
    # The number of the state of which the server keeps answers.
    commit = see(link, "data").json()["commit"]
    for each in (link, link, review.link):
        assert see(each, f"entries/{review.object}").ok
    assert see(review.link, f"entries/{review.object}", headers=review.http_client.server.headers).ok
    assert see(link, f"entries/{uuid4()}").status_code == 404

    def views():
        query = "SELECT username, user_id, detail FROM ft_dcc_audit WHERE action = 'view' AND entity_id = ?"
        return rows(query, review.object)

    wanted = [("Ada Example", review.invitee, "127.0.0.1"), ("guest", "", "127.0.0.1")]
    wait_until(lambda: views() == wanted, "two views", views)
    assert see(link, "data").json()["commit"] == commit
    review.set(name="Later")
    assert see(link, "data").json()["commit"] > commit


def test_views_of_guests_are_forgotten_after_the_retention(tmp_path):
    entries, days = audit_log.AUDIT_ENTRIES, audit_log.VIEW_RETENTION_DAYS
    with open_server_context(tmp_path) as studio:
        for name in ("days ago", "yesterday"):
            studio.store.write(lambda c: c.execute(entries.update().values(at=entries.c.at - (days - 0.5) * 86_400)))
            studio.store.write(partial(audit_log.record_view, guest=Caller("", name), object_id="o", address="::1"))
        studio.store.write(lambda c: c.execute(entries.update().values(at=entries.c.at - 86_400)))
        studio.store.write(audit_log.forget_views)
        with studio.store.reading() as connection:
            assert [each["username"] for each in audit_log.entries(connection)] == ["yesterday"]


GUESTS, EXPORTS = 3, 4
# No program of a work starts before there is a file.
GATE = """
import time
from pathlib import Path
import attrs
from ft_dcc.server.review import attachments
from ft_dcc.server.work.queue import Work

budgets, run = attachments.read_budgets(), Work.run
attachments.read_budgets = lambda: attrs.evolve(budgets, attachment_bytes=(300, 10_000))

def run_behind_gate(work, *arguments):
    while not Path({gate!r}).exists():
        time.sleep(0.01)
    return run(work, *arguments)

Work.run = run_behind_gate
"""


@pytest.fixture
def guests(start_server, http_client_for, tmp_path):
    """Return a server whose programs wait for a file, a review on it, and the links of its guests."""
    gate = tmp_path / "gate"
    server = start_server(change=GATE.format(gate=str(gate)))
    review, links = make_review(http_client_for(server)), []
    for number in range(GUESTS):
        ids = SimpleNamespace(**{**vars(review.ids), "invitee": str(uuid4())})
        person = {"name": f"Guest {number}", "email": f"guest{number}@example.com"}
        review.http_client.post(
            create("ReviewSessionInvitee", id=ids.invitee, review_session_id=review.session, **person)
        )
        links.append(attrs.evolve(review, ids=ids).invite())
    yield SimpleNamespace(server=server, review=review, links=links, gate=gate)
    gate.touch()


def children_of(pid: int) -> list[str]:
    return [found for task in Path(f"/proc/{pid}/task").glob("*/children") for found in task.read_text().split()]


def test_guests_who_export_and_draw_at_once_keep_their_limits_and_leave_nothing(guests):
    limits = read_budgets().work["export"]
    ellipse = {"kind": "ellipse", "colour": "#ff0000", "opacity": 0.5, "width": 0.002, "from": [0, 0], "to": [0.4, 0.4]}

    def draw(link):
        shapes = [ellipse] * 200
        assert attach(link, b"x" * 200).status_code == 200 and attach(link, b"x" * 101).status_code == 413
        return say(link, "notes", object=guests.review.object, content="x", frame=1, drawing=shapes).status_code

    credentials = guests.server.credentials
    with (
        signed_in(guests.server, credentials.api_user, credentials.api_key) as user,
        ThreadPoolExecutor(GUESTS * EXPORTS) as threads,
    ):

        def works():
            answer = user.get(f"{guests.server.url}/home/status", timeout=TIMEOUT_SECONDS)
            return answer.json()["work"]

        def count(kind, **facts):
            return sum(facts.items() <= work.items() for work in works() if work["kind"] == kind)

        drawn = [threads.submit(draw, link) for link in guests.links]
        assert [note.result() for note in drawn] == [200] * GUESTS
        exports = [threads.submit(see, link, "export/pdf") for link in guests.links * EXPORTS]
        # The lane runs the image of one note, so that all exports wait or are refused.
        wait_until(lambda: sum(each.done() for each in exports) + count("export") == len(exports), "the exports")
        assert {each.result().status_code for each in exports if each.done()} == {429}
        waiting = Counter(work["visitor"] for work in works() if work["kind"] == "export")
        assert list(waiting.values()) == [limits.of_visitor] * GUESTS
        assert (count("note image"), sum(work["is_running"] for work in works())) == (GUESTS, 1)
        guests.gate.touch()
        codes = Counter(each.result().status_code for each in exports)
        assert codes == {200: GUESTS * limits.of_visitor, 429: GUESTS * (EXPORTS - limits.of_visitor)}
        wait_until(lambda: not works(), "the end of all work", works)
    data = guests.server.data
    wait_until(lambda: not list((data / "work").iterdir()), "empty folders")
    assert list((data / "note-images").iterdir()) == []
    assert children_of(guests.server.process.pid) == []
