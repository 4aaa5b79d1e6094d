"""The feedback of a task behind a panel, with a running studio server and a host of colour bars."""

from __future__ import annotations

import json
import threading
from functools import partial

import pytest
from doubles.colour_bars import ColourBars
from doubles.faulty_proxy import FaultyProxy
from doubles.notes import PEN, add_version_to_review, assign, write_note
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import Error
from ft_dcc.review import my_tasks
from ft_dcc.session import Session, operations
from ft_dcc.ui.feedback_controller import FeedbackController
from ft_dcc.ui.menu_commands import show_open_drawings


@pytest.fixture
def task_id(project_task):
    return project_task["id"]


@pytest.fixture
def entry(session, project_task):
    return add_version_to_review(session, project_task)


@pytest.fixture
def write(session, entry):
    """Return a function that writes a note with a drawing on version 1 of the task in a review session."""
    return partial(write_note, session, entry)


@pytest.fixture
def changed():
    return threading.Event()


@pytest.fixture
def own_session(studio_server):
    with Session(studio_server.server_url, studio_server.api_key, studio_server.api_user) as own:
        yield own


@pytest.fixture
def controller(changed):
    controller = FeedbackController(changed.set)
    yield controller
    controller.clear()


def read(controller, session, task_id):
    controller.read(session, task_id)
    assert controller.wait(TIMEOUT_SECONDS) and controller.error == ""


def test_replies_and_done_states_are_written_and_read_again(controller, own_session, task_id, write):
    write("first")
    read(controller, own_session, task_id)
    controller.reply(own_session, controller.versions[0].notes[0], "one")
    controller.reply(own_session, controller.versions[0].notes[0], "two")
    controller.set_done(own_session, controller.versions[0].notes[0])
    assert controller.wait(TIMEOUT_SECONDS) and controller.error == ""
    (note,) = controller.versions[0].notes
    assert (sorted(reply.text for reply in note.replies), note.is_done) == (["one", "two"], True)


def run_until_idle(controller, host):
    while not controller.wait(0.01):
        host.idle(0.01)


def shown(controller, *arguments):
    """Show drawings in a host of colour bars, and return that."""
    host = ColourBars()
    controller.show(host, *arguments)
    run_until_idle(controller, host)
    return host


def test_a_deleted_note_is_a_sentence(controller, own_session, session, task_id, write):
    note_id = write("first")
    read(controller, own_session, task_id)
    (note,) = controller.versions[0].notes
    session.call([operations.delete("Note", note_id)])
    controller.reply(own_session, note, "one")
    assert controller.wait(TIMEOUT_SECONDS)
    assert "There is no note" in controller.error


def test_a_host_without_feedback_is_a_sentence(controller):
    class Plain:
        """A host with a name and a main thread only."""

        name = "Plain"

        def run_in_main_thread(self, function):
            return function()

    controller.show(Plain())
    assert controller.wait(TIMEOUT_SECONDS)
    assert controller.error == "Plain cannot show drawings. See them on the review page."


def test_my_tasks_have_their_newest_version_and_their_open_notes(session, task_id, write):
    write("first")
    assignment = assign(session, task_id, operations.update("Task", task_id, {"end_date": "2026-12-01"}))
    (found,) = [each for each in my_tasks.of_user(session, session.api_user) if each.id == task_id]
    session.call([operations.delete("Appointment", assignment)])
    assert (found.version.number, found.open_count, f"{found.due:%Y-%m-%d}") == (1, 1, "2026-12-01")
    assert found.path.count("/") == 3 and found.status


@pytest.fixture
def proxy(studio_server, monkeypatch):
    # No retries: the session's tests cover them.
    monkeypatch.setattr("ft_dcc.session.transport.http._RETRY_DELAYS_SECONDS", ())
    with FaultyProxy(studio_server.server_url).open() as proxy:
        yield proxy


@pytest.fixture
def proxied(proxy, studio_server):
    """Return a session that reaches the server through the proxy."""
    with Session(proxy.url, studio_server.api_key, studio_server.api_user) as own:
        yield own


def requests_of(proxy, controller, action):
    """Return how many requests an action makes."""
    proxy.set(path="/api")
    action()
    assert controller.wait(TIMEOUT_SECONDS) and controller.error == ""
    return proxy.count


def test_a_server_that_goes_away_while_notes_are_read_is_a_sentence_and_the_notes_stay(
    controller, proxied, proxy, task_id, write
):
    write("first")
    count = requests_of(proxy, controller, lambda: controller.read(proxied, task_id))
    before = controller.versions
    for number in range(1, count + 1):
        proxy.set(path="/api", breaks_at=number)
        controller.read(proxied, task_id)
        assert controller.wait(TIMEOUT_SECONDS)
        assert proxy.url in controller.error and "Traceback" not in controller.error
        assert (controller.versions, controller.is_loading) == (before, False)
    proxy.set(path="/api")
    read(controller, proxied, task_id)


@pytest.mark.parametrize("loses_answer", [False, True], ids=["the request is lost", "the answer is lost"])
def test_a_server_that_goes_away_during_a_reply_is_a_sentence_and_the_text_is_kept(
    controller, proxied, proxy, session, loses_answer, task_id, write
):
    note_id = write("first")
    read(controller, proxied, task_id)
    (note,) = controller.versions[0].notes
    controller.reply(proxied, note, "before")
    assert controller.wait(TIMEOUT_SECONDS) and controller.error == ""
    for number in (1, 2, 3):
        proxy.set(path="/api", breaks_at=number, loses_answer=loses_answer)
        controller.reply(proxied, note, f"reply {number}")
        assert controller.wait(TIMEOUT_SECONDS)
        assert proxy.url in controller.error
        # Only the third request writes.
        found = session.query(f'select content from Note where in_reply_to_id is "{note_id}"').all()
        is_written = f"reply {number}" in [reply["content"] for reply in found]
        assert is_written == (loses_answer and number == 3)
        assert controller.take_unsent_text() == f"reply {number}"
        session.reset()
    assert controller.take_unsent_text() == ""


def test_a_server_that_goes_away_before_drawings_are_shown_leaves_the_scene(
    proxy, signed_in, monkeypatch, task_id, write
):
    write("first")
    monkeypatch.setenv("FTRACK_SERVER", proxy.url)
    host = ColourBars()
    # The second time, the schema is in the cache.
    for _ in range(2):
        proxy.set(path="/api")
        assert show_open_drawings(host, task_id) == "1 note is open on v001."
    shown = host.feedback
    for number in range(1, proxy.count + 1):
        proxy.set(path="/api", breaks_at=number)
        with pytest.raises(Error):
            show_open_drawings(host, task_id)
        assert host.feedback == shown


def test_a_server_that_never_answers_does_not_stop_the_scene(controller, proxied, proxy, task_id, write):
    write("first")
    read(controller, proxied, task_id)
    proxy.set(path="/api", breaks_at=1, hangs=True)
    controller.read(proxied, task_id)
    assert proxy.hung.wait(TIMEOUT_SECONDS)
    assert controller.is_loading
    host = ColourBars()
    controller.show(host)
    while not host.feedback:
        host.idle(0.01)
    proxy.set(path="/api", breaks_at=1)
    assert controller.wait(TIMEOUT_SECONDS)
    assert (len(controller.versions[0].notes), controller.is_loading) == (1, False)


def test_a_camera_that_was_deleted_is_a_sentence_and_the_scene_stays(controller, own_session, task_id, write):
    write("first")
    read(controller, own_session, task_id)
    host = shown(controller, None, "shotCam")
    assert controller.error == "There is no camera called shotCam."
    assert (host.feedback, controller.is_shown) == ((), False)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"version": 99, "shapes": [PEN]}, "The drawing has the form 99, known is 2. Install a newer ft-dcc."),
        ({"version": 2, "shapes": [{**PEN, "kind": "spiral"}]}, "The drawing has a shape of the unknown kind 'spiral'"),
        ({"version": 2, "shapes": None}, "The drawing has no list of shapes."),
    ],
)
def test_a_drawing_of_an_unknown_form_is_a_sentence_at_its_note_and_others_are_shown(
    controller, own_session, data, problem, task_id, write
):
    write("unknown", data=data)
    write("known", frame=1003)
    read(controller, own_session, task_id)
    problems = {note.text: note.problem for note in controller.versions[0].notes}
    assert problems["unknown"].startswith(problem) and problems["known"] == ""
    host = shown(controller)
    shapes = {drawing.text: len(drawing.shapes) for drawing in host.feedback}
    assert (shapes, controller.error) == ({"unknown": 0, "known": 1}, "")


def store_camera(session, entry, name, **values):
    """Store the camera that the version was captured from, as a publish does."""
    version_id = session.query(f'ReviewSessionObject where id is "{entry}"').one()["version_id"]
    value = json.dumps({"camera": name, **values})
    entity = {"parent_id": version_id, "parent_type": "AssetVersion", "key": "ft_dcc_origin", "value": value}
    session.call([operations.create("Metadata", entity)])


def test_drawings_are_shown_with_the_camera_that_the_version_was_captured_from(
    controller, own_session, session, task_id, write, entry
):
    store_camera(session, entry, "second")
    write("first")
    read(controller, own_session, task_id)
    host = shown(controller)
    assert (host.feedback_source, controller.problems) == ("second", ())


def test_drawings_of_a_version_whose_camera_does_not_exist_are_shown_with_the_first_one_and_named(
    controller, own_session, session, task_id, write, entry
):
    store_camera(session, entry, "shotCam")
    write("first")
    read(controller, own_session, task_id)
    host = shown(controller)
    assert ([drawing.text for drawing in host.feedback], host.feedback_source) == (["first"], None)
    assert controller.problems == (
        "The scene has no shotCam, which main v001 was captured from. "
        "Its drawings are shown with the first source of the scene.",
    )


def test_a_scene_of_another_task_is_named(controller, own_session, task_id, write):
    write("first")
    read(controller, own_session, task_id)
    host = ColourBars()
    host.remember_task("another")
    controller.show(host)
    run_until_idle(controller, host)
    assert controller.problems == ("The open scene belongs to another task than main v001. Check the shot.",)
    host.remember_task(task_id)
    controller.show(host)
    run_until_idle(controller, host)
    assert controller.problems == ()
