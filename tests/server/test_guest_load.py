"""Guests who export and draw at once: each keeps its limits, users are answered meanwhile, and nothing is left."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import attrs
import pytest
from doubles.operations import create
from doubles.reviews import make_review, say, see
from run_options import TIMEOUT_SECONDS, wait_until
from server.test_home import signed_in
from server.test_review_notes import attach

from ft_dcc.server.work.budgets import read_budgets

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
