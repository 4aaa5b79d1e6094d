"""A problem says what was found and wanted, and the artist can have it repaired."""

from __future__ import annotations

from fractions import Fraction

import pyblish.api
import pytest
from doubles.colour_bars import ColourBars

from ft_dcc.errors import PluginBroken, Problem, Unpublishable
from ft_dcc.frames import FrameRange
from ft_dcc.publish.queue import entries
from ft_dcc.publish.records import PublishRequest
from ft_dcc.publish.run import Publisher, publish
from ft_dcc.publish.validate import ValidateFrameRange


@pytest.fixture
def other_shot(shot):
    """The path of a task whose shot is eight frames at 25 fps; the scene has twelve at 24."""
    return shot("1001-1008", "25")


def test_a_problem_carries_found_wanted_and_its_repair(session, host, other_shot, jobs):
    judgement = Publisher(session, host, jobs=jobs).judge(PublishRequest(other_shot))
    assert judgement.problems == (
        Problem(
            check="Frame range",
            instance="bars",
            message="The frame range is 1001-1012, wanted is 1001-1008. Set it right, or give the frames.",
            found="1001-1012",
            wanted="1001-1008",
            repair="Give the scene the shot's frame range",
        ),
        Problem(
            check="Frame rate",
            instance="bars",
            message="The frame rate is 24 fps, wanted is 25 fps. Set it right, or give the rate.",
            found="24 fps",
            wanted="25 fps",
            repair="Give the scene the shot's frame rate",
        ),
    )
    assert host.captures == 0


def test_repaired_problems_let_the_publish_through(session, host, other_shot, jobs):
    judgement = Publisher(session, host, jobs=jobs).judge(PublishRequest(other_shot))
    for problem in judgement.problems:
        assert judgement.repair(problem) is None
    assert judgement.problems == ()
    assert (host.scene().frame_range, host.scene().fps) == (FrameRange(1001, 1008), Fraction(25))
    published = judgement.publish()
    assert (published.first.version, published.problems, host.captures) == (1, (), 1)


def test_a_repair_changes_and_checks_nothing_else(session, host, other_shot, jobs, monkeypatch):
    judgement = Publisher(session, host, jobs=jobs).judge(PublishRequest(other_shot))
    checked = []
    process = ValidateFrameRange.process
    monkeypatch.setattr(
        ValidateFrameRange, "process", lambda self, instance: (checked.append(instance.name), process(self, instance))
    )
    steps = len(judgement._loop.ledger.steps)
    assert judgement.repair(judgement.problems[0]) is None
    assert checked == ["bars"]
    assert [step.name for step in judgement._loop.ledger.steps[steps:]] == ["ValidateFrameRange"]
    assert [problem.check for problem in judgement.problems] == ["Frame rate"]
    assert host.scene().fps == 24


def test_a_problem_of_one_camera_is_checked_again_for_that_camera_alone(session, host, other_shot, jobs):
    judgement = Publisher(session, host, jobs=jobs).judge(PublishRequest(other_shot, ("bars", "second")))
    assert [(problem.check, problem.instance) for problem in judgement.problems] == [
        ("Frame range", "bars"),
        ("Frame range", "second"),
        ("Frame rate", "bars"),
        ("Frame rate", "second"),
    ]
    judgement.repair(judgement.problems[1])
    assert [(problem.check, problem.instance) for problem in judgement.problems] == [
        ("Frame range", "bars"),
        ("Frame rate", "bars"),
        ("Frame rate", "second"),
    ]


def test_a_host_that_does_not_do_it_leaves_the_problem(session, other_shot, jobs):
    class Stubborn(ColourBars):
        def configure(self, frame_range, fps, resolution):
            pass

    judgement = Publisher(session, Stubborn(), jobs=jobs).judge(PublishRequest(other_shot))
    before = judgement.problems[0]
    assert judgement.repair(before) == before
    assert len(judgement.problems) == 2


def test_frames_on_disk_have_no_repair(session, other_shot, paint, jobs):
    judgement = Publisher(session, jobs=jobs).judge(PublishRequest(other_shot, paint("1001-1004").pattern))
    (problem,) = judgement.problems
    assert (problem.found, problem.wanted, problem.repair) == ("1001-1004", "1001-1008", None)
    with pytest.raises(Unpublishable, match="Nothing here can repair it"):
        judgement.repair(problem)


def test_a_repair_that_breaks_is_named(session, host, shot, jobs):
    class ValidateMood(pyblish.api.ContextPlugin):
        order = pyblish.api.ValidatorOrder
        label = "Mood"

        def process(self, context):
            raise AssertionError("The mood is bad.")

        def repair(self, context):
            raise KeyError("joke")

    pyblish.api.register_plugin(ValidateMood)
    try:
        judgement = Publisher(session, host, jobs=jobs).judge(PublishRequest(shot("1001-1012", "24")))
    finally:
        pyblish.api.deregister_plugin(ValidateMood)
    assert [(problem.check, problem.repair) for problem in judgement.problems] == [("Mood", "Repair it")]
    with pytest.raises(PluginBroken, match="The repair of ValidateMood failed: KeyError: 'joke'"):
        judgement.repair(judgement.problems[0])


def test_what_was_only_judged_is_never_published_by_the_queue(session, host, other_shot, jobs):
    judgement = Publisher(session, host, jobs=jobs).judge(PublishRequest(other_shot))
    assert [entry.state for entry in entries(jobs)] == ["judged"]
    judgement.give_up()
    assert entries(jobs) == []


def test_a_publish_with_one_bad_source_tells_the_artist_what_to_do(session, host, other_shot, jobs, paint):
    request = PublishRequest(other_shot, ("bars", paint("1001-1008").pattern), fps=Fraction(24))
    published = publish(request, session, host, jobs=jobs)
    assert [problem.check for problem in published.problems] == ["Frame range"]
    assert published.is_artists
