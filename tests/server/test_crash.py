import os
import re
import signal
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from uuid import uuid4

import attrs
import pytest
import requests
from doubles.numbered_images import run_ffmpeg
from doubles.operations import create, update
from doubles.reviews import entry_of, make_review, say, see
from run_options import TIMEOUT_SECONDS, seeded, wait_until
from server.test_guest_views import BLACK, H264, publish_media
from server.test_mailer import serving
from server.test_review_live import LivePage
from websockets.exceptions import ConnectionClosed

from ft_dcc.server.review.feedback import note_image_id

ROUNDS = int(os.environ.get("FT_DCC_CRASH_ROUNDS", "5"))
CLIENTS = 8


def repeat(action):
    """Do it until the server is gone."""
    try:
        while True:
            action()
    except (requests.RequestException, ConnectionClosed):
        return


def upload(http_client, committed, uploaded):
    component_id = http_client.create_component()
    committed.append(component_id)
    content = component_id.encode() * (1 + len(committed) * 997 % 8_000)
    url = http_client.announce(component_id, len(content))["url"]
    if requests.put(url, data=content, timeout=TIMEOUT_SECONDS).status_code == 200:
        uploaded[component_id] = content


def run_until_killed(server, actions, is_done, what, kill):
    """Repeat each action on a thread, and kill the server when enough was answered."""
    with ThreadPoolExecutor(len(actions)) as threads:
        running = [threads.submit(repeat, action) for action in actions]
        wait_until(is_done, what)
        kill(server.process)
        for each in running:
            each.result(TIMEOUT_SECONDS)
    server.process.wait(TIMEOUT_SECONDS)


def kill(process):
    process.kill()


@pytest.mark.timeout(900)
def test_acknowledged_changes_survive_a_kill_at_any_moment(start_server, http_client_for):
    dice = seeded("crash")
    committed: list[str] = []
    uploaded: dict[str, bytes] = {}
    for _ in range(ROUNDS):
        server, wanted = start_server(), len(uploaded) + dice.randint(1, 20)
        actions = [partial(upload, http_client_for(server), committed, uploaded) for _ in range(CLIENTS)]
        run_until_killed(server, actions, lambda: len(uploaded) >= wanted, f"{wanted} uploads", kill)  # noqa: B023

    server = start_server()
    http_client = http_client_for(server)
    answer = http_client.post({"action": "query", "expression": "select id from FileComponent limit 1000000"}).json()
    stored = {component["id"] for component in answer[0]["data"]}
    assert set(committed) - stored == set()
    for component_id, content in uploaded.items():
        assert http_client.get("/component/get", component_id).content == content
    assert list((server.data / "incoming").iterdir()) == []
    server.stop()
    with closing(sqlite3.connect(server.data / "studio.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_twenty_concurrent_publishes_get_twenty_version_numbers(server_process, http_client_for):
    http_client, asset = http_client_for(server_process), str(uuid4())
    project = http_client.post(create("Project", name=asset)).json()[0]["data"]["id"]
    http_client.post(create("Asset", id=asset, name="film", context_id=project))

    def publish(_number):
        # Each has a connection of its own; the server alone gives the number.
        response = http_client_for(server_process).post(create("AssetVersion", asset_id=asset)).json()
        return response[0]["data"]["version"]

    with ThreadPoolExecutor(20) as threads:
        assert sorted(threads.map(publish, range(20))) == list(range(1, 21))


def test_commit_on_a_full_disk_fails_and_keeps_existing_data(small_disk, start_server, http_client_for):
    http_client = http_client_for(start_server(small_disk / "studio"))
    before = http_client.create_component()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"x" * 4096)
    refused = [_create_notes(http_client) for _ in range(20)]
    assert refused[-1].status_code == 507
    assert refused[-1].json()["exception"] == "StorageFull"
    found = http_client.post({"action": "query", "expression": f'select id from FileComponent where id is "{before}"'})
    assert [component["id"] for component in found.json()[0]["data"]] == [before]
    filler.unlink()
    assert _create_notes(http_client).status_code == 200


def _create_notes(http_client):
    return http_client.post(*(create("Note", content="x" * 50_000) for _ in range(10)))


LINE = {"kind": "line", "colour": "#ff0000", "width": 0.01, "from": [0.2, 0.5], "to": [0.7, 0.5]}
NO_PAUSES = "from ft_dcc.server.notifications import worker\nworker._INTERVAL_SECONDS = 0.01"


def invite(review, **options):
    operation = {"action": "send_review_session_invite", "review_session_invitee_id": review.invitee}
    return review.http_client.post({**operation, **options}).json()[0]


def write_note(review, link, notes):
    # Every eighth note has a drawing, whose image is made afterwards.
    note = {"id": str(uuid4()), "frame": 1, "drawing": [] if len(notes) % 8 else [LINE]}
    if say(link, "notes", object=review.object, content=f"note {note['id']}", **note).status_code == 200:
        notes[note["id"]] = len(note["drawing"])


def work_until_killed(review, notes, invitations, wanted, kill):
    """Write, export, present and invite; kill the server once so many more notes and invitations are acknowledged."""
    link, before = invite(review, link_only=True)["link"], len(notes) + len(invitations)
    page = LivePage(link)
    page.send(type="claim")

    def present():
        page.send(type="show", entry=review.object, frame=2)
        see(link, "data")

    def is_done():
        return len(notes) + len(invitations) - before >= wanted

    write = partial(write_note, review, link, notes)
    actions = [write, write, present, lambda: see(link, "export/pdf"), lambda: invitations.append(invite(review))]
    run_until_killed(review.http_client.server, actions, is_done, f"{wanted} answers", kill)
    page.close()


class KillingMailServer:
    """Takes mails, and kills a process as soon as it has taken the next one."""

    def __init__(self, mail) -> None:
        self.taken, self.process, mail.handle_DATA = mail.taken, None, self.take

    def kill(self, process):
        self.process = process
        process.wait(TIMEOUT_SECONDS)

    async def take(self, server, session, envelope):
        self.taken.append(envelope)
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process = None
        return "250 OK"


@pytest.mark.timeout(900)
def test_feedback_and_mails_survive_kills_and_no_mail_is_sent_twice(start_server, http_client_for, tmp_path):
    dice, notes, invitations, data = seeded("review crash"), {}, [], tmp_path / "studio"
    movie = tmp_path / "movie.mp4"
    run_ffmpeg(*BLACK, *H264, movie)
    with serving() as mail:
        kills = [KillingMailServer(mail).kill, kill]
        data.mkdir()
        names = {"HOST": "localhost", "PORT": mail.port, "SECURITY": "none", "FROM": "reviews@example.com"}
        (data / "mail.env").write_text("".join(f"FT_DCC_SMTP_{key}={names[key]}\n" for key in names), "utf-8")
        review = make_review(http_client_for(start_server(data, change=NO_PAUSES)))
        publish_media(review, movie, "ftrackreview-mp4")
        artist = create("User", username="ida", email="ida@example.com", is_active=True)
        review.http_client.post(artist, update("AssetVersion", review.version, user_id=artist["entity_data"]["id"]))
        review.change("ReviewSessionInvitee", review.invitee, rights="view comment draw present")
        for _ in range(ROUNDS):
            work_until_killed(review, notes, invitations, dice.randint(1, 25), dice.choice(kills))
            review = attrs.evolve(review, http_client=http_client_for(start_server(data, change=NO_PAUSES)))
        link = invite(review, link_only=True)["link"]
        page = LivePage(link)
        hello = page.read("hello")
        page.close()
        assert (hello["presenter"], hello["state"]) == (None, {})
        found = {note["id"]: len(note["drawing"]) for note in entry_of(link, review.object)["notes"] if note["frame"]}
        assert notes.items() <= found.items()
        for note_id in (each for each, drawing in found.items() if drawing):
            image = f"select component_id from NoteComponent where component_id is {note_image_id(note_id)}"
            wait_until(lambda image=image: review.query(image), "the image of a note")
        assert see(link, "export/pdf").content.startswith(b"%PDF")

        def mailed():
            """Count the mails with each note and link: those that were sent, and those that wait for a person."""
            sent = [each.content for each in mail.taken]
            kept = [path.read_bytes() for path in (data / "outbox").glob("*")]
            pattern = re.compile(rb"note [-0-9a-f]{36}|http://\S+/review/[-0-9a-f]{36}/\S+")
            texts = [[set(pattern.findall(each.replace(b"=\r\n", b""))) for each in group] for group in (sent, kept)]
            return [Counter(found for each in group for found in each) for group in texts]

        wanted = {f"note {note_id}".encode() for note_id in found}
        wait_until(lambda: wanted <= {*mailed()[0], *mailed()[1]}, "the mails about all notes")
    review.http_client.server.stop()
    sent, kept = mailed()
    assert max(sent.values()) == 1 and sum(b"http" in each for each in sent + kept) >= len(invitations)
    for folder in ("work", "note-images"):
        assert list((data / folder).iterdir()) == []
    with closing(sqlite3.connect(data / "studio.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
