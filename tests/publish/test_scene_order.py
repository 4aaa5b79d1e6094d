"""Orders and answers of publishes that a host program carries out for another process."""

from fractions import Fraction
from pathlib import Path

import pytest
from doubles.colour_bars import ColourBars

from ft_dcc import errors
from ft_dcc.frames import FrameRange
from ft_dcc.publish import models
from ft_dcc.publish.jobs.queue import process_queue
from ft_dcc.publish.publisher import Publisher
from ft_dcc.publish.scene_order import SceneAnswer, SceneOrder, answer_order
from ft_dcc.session.transport import http

ISSUE = errors.ValidationIssue("Frame rate", "shotCam", "It is 25; expected 24.", "25", "24", "Set it", False)
VERSION = models.PublishedVersion(
    source="shotCam",
    version_id="v",
    version=3,
    asset_id="a",
    components=(models.Component("c", "ftrackreview-mp4", 12, "ab"),),
    review_session_id="r",
    review_session_object_id="o",
    review_entries=(models.ReviewEntry("r", "o"),),
    link="https://studio.example.com/x",
)


def written(tmp_path, answer, error=None):
    answer.write(tmp_path / "answer.json", error)
    return SceneAnswer.read(tmp_path / "answer.json")


def test_an_order_is_read_as_it_was_saved(tmp_path):
    request = models.PublishRequest("F/S/T", ("shotCam",), frame_range=FrameRange(1, 3), fps=Fraction(24000, 1001))
    for repair in (None, (), ("Frame rate",)):
        order = SceneOrder(tmp_path / "a.ma", request, tmp_path, "j", tmp_path / "x", "lit", 50, repair, True)
        order.save(tmp_path / "order.json")
        assert SceneOrder.read(tmp_path / "order.json") == order


def test_an_answer_is_read_as_it_was_written(tmp_path):
    step = models.Step("CaptureFrames", "shotCam", 1.5)
    published = models.Published(tmp_path / "job", "F/S/T", (VERSION,), (ISSUE,), (step,))
    for answer in (SceneAnswer(published, messages=("done",)), SceneAnswer(planned=({"a": "b"},), problems=(ISSUE,))):
        assert written(tmp_path, answer) == answer


def test_unfinished_errors_of_an_answer_keep_class_and_message(tmp_path):
    published = models.Published(
        Path("job"), "", (), (), (), (errors.ServerUnreachable("No answer."), errors.ValidationFailed((ISSUE,)))
    )
    answer = written(tmp_path, SceneAnswer(published))
    assert answer.published is not None
    first, second = answer.published.unfinished
    assert (type(first), str(first)) == (errors.ServerUnreachable, "No answer.")
    assert isinstance(second, errors.ValidationFailed)
    assert second.problems == (ISSUE,)


class Torn(errors.CaptureFailed):
    def __init__(self, number):
        super().__init__("The tape {number} is torn.", {"number": number, "job": "j"})


def test_an_error_of_a_studio_is_raised_as_its_nearest_class(tmp_path):
    with pytest.raises(errors.CaptureFailed, match=r"^The tape 7 is torn\.$") as caught:
        written(tmp_path, SceneAnswer(), Torn(7))
    assert (type(caught.value), caught.value.details) == (errors.CaptureFailed, {"job": "j"})


def test_a_scene_is_captured_for_later_while_the_server_is_away(
    session, task_path, task, jobs, tmp_path, signed_in, monkeypatch
):
    monkeypatch.setattr(http, "wait", lambda *_: None)
    scene = tmp_path / "shot.bars"
    scene.write_bytes(b"bars")
    host, request = ColourBars(), models.PublishRequest(task_path)
    order = SceneOrder(scene, request, jobs, "job", tmp_path / "answer.json")
    with monkeypatch.context() as patch:
        # The port 9 is that of a service that nothing offers.
        patch.setenv("FTRACK_SERVER", "http://127.0.0.1:9")
        answer_order(order, host)
    with pytest.raises(errors.ServerUnreachable, match="The frames are captured: 'ft-dcc queue run' publishes the job"):
        SceneAnswer.read(order.answer)
    journal = jobs / "job" / "journal.jsonl"
    text = journal.read_text("ascii").replace("http://127.0.0.1:9", session.server_url)
    journal.write_text(text, encoding="ascii")
    (result,) = process_queue(Publisher(session, jobs=jobs))
    assert (result.is_done, host.captures) == (True, 1)
