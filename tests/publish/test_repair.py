"""Problems of a validation and their repairs."""

import json
from fractions import Fraction

import pyblish.api
import pytest
from doubles.colour_bars import ColourBars

from ft_dcc.errors import PluginBroken, UserFixableError, ValidationIssue
from ft_dcc.frames import FrameRange
from ft_dcc.publish.jobs.queue import queue_items
from ft_dcc.publish.models import PublishRequest, describe_changes
from ft_dcc.publish.plugins.validate import ValidateFrameRange
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.publish.slots import WARNINGS


@pytest.fixture
def other_shot(shot):
    """Return the path of a task whose shot has eight frames at 25 fps; the scene has twelve at 24 fps."""
    return shot("1001-1008", "25")


def test_problem_has_found_wanted_and_repair_and_a_repaired_scene_is_published(session, host, other_shot, jobs):
    check = Publisher(session, host, jobs=jobs).validate(PublishRequest(other_shot))
    assert check.problems == (
        ValidationIssue(
            check="Frame range",
            instance="bars",
            message="The frame range is 1001-1012; expected 1001-1008. Change it.",
            found="1001-1012",
            expected="1001-1008",
            option="frame_range 1001-1012",
            repair="Give the scene the shot's frame range",
        ),
        ValidationIssue(
            check="Frame rate",
            instance="bars",
            message="The frame rate is 24 fps; expected 25 fps. Change it.",
            found="24 fps",
            expected="25 fps",
            option="fps 24",
            repair="Give the scene the shot's frame rate",
        ),
    )
    for problem in check.problems:
        assert check.repair(problem) is None
    assert (check.problems, host.captures) == ((), 0)
    assert (host.scene().frame_range, host.scene().fps) == (FrameRange(1001, 1008), Fraction(25))
    published = check.publish()
    assert (published.first.version, published.problems, host.captures) == (1, (), 1)


def test_repair_reruns_only_its_own_check(session, host, other_shot, jobs, monkeypatch):
    check = Publisher(session, host, jobs=jobs).validate(PublishRequest(other_shot))
    checked = []
    process = ValidateFrameRange.process
    monkeypatch.setattr(
        ValidateFrameRange, "process", lambda self, instance: (checked.append(instance.name), process(self, instance))
    )
    steps = len(check.steps)
    assert check.repair(check.problems[0]) is None
    assert checked == ["bars"]
    assert [step.name for step in check.steps[steps:]] == ["ValidateFrameRange"]
    assert [problem.check for problem in check.problems] == ["Frame rate"]
    assert host.scene().fps == 24


def test_repair_of_one_camera_leaves_the_others_unchanged(session, host, other_shot, jobs):
    check = Publisher(session, host, jobs=jobs).validate(PublishRequest(other_shot, ("bars", "second")))
    assert [(problem.check, problem.instance) for problem in check.problems] == [
        ("Frame range", "bars"),
        ("Frame range", "second"),
        ("Frame rate", "bars"),
        ("Frame rate", "second"),
    ]
    check.repair(check.problems[1])
    assert [(problem.check, problem.instance) for problem in check.problems] == [
        ("Frame range", "bars"),
        ("Frame rate", "bars"),
        ("Frame rate", "second"),
    ]


def test_ineffective_repair_leaves_the_problem(session, other_shot, jobs):
    class Stubborn(ColourBars):
        def configure(self, frame_range, fps, resolution):
            pass

    check = Publisher(session, Stubborn(), jobs=jobs).validate(PublishRequest(other_shot))
    before = check.problems[0]
    assert check.repair(before) == before
    assert len(check.problems) == 2


def test_problem_of_frames_on_disk_has_no_repair(session, other_shot, paint, jobs):
    check = Publisher(session, jobs=jobs).validate(PublishRequest(other_shot, paint("1001-1004").pattern))
    (problem,) = check.problems
    assert (problem.found, problem.expected, problem.repair) == ("1001-1004", "1001-1008", None)
    with pytest.raises(UserFixableError, match="There is no automatic repair"):
        check.repair(problem)


@pytest.fixture
def register(monkeypatch):
    monkeypatch.setenv("FT_DCC_PYBLISH_PLUGINS", "all")
    registered = []

    def register_plugin(plugin):
        pyblish.api.register_plugin(plugin)
        registered.append(plugin)

    yield register_plugin
    for plugin in registered:
        pyblish.api.deregister_plugin(plugin)


def test_failing_repair_is_named(session, host, shot, jobs, register):
    class ValidateMood(pyblish.api.ContextPlugin):
        order = pyblish.api.ValidatorOrder
        label = "Mood"

        def process(self, context):
            raise AssertionError("The mood is bad.")

        def repair(self, context):
            raise KeyError("joke")

    register(ValidateMood)
    check = Publisher(session, host, jobs=jobs).validate(PublishRequest(shot("1001-1012", "24")))
    assert [(problem.check, problem.repair) for problem in check.problems] == [("Mood", "Repair it")]
    with pytest.raises(PluginBroken, match="The repair of ValidateMood failed: KeyError: 'joke'"):
        check.repair(check.problems[0])


def test_a_repair_is_offered_for_the_sources_that_it_can_repair(session, host, shot, jobs, register):
    class ValidateMood(pyblish.api.InstancePlugin):
        order = pyblish.api.ValidatorOrder
        label = "Mood"

        def process(self, instance):
            raise AssertionError(f"The mood of {instance.name} is bad.")

        def can_repair(self, instance):
            return instance.name == "second"

        def repair(self, instance):
            pass

    register(ValidateMood)
    check = Publisher(session, host, jobs=jobs).validate(PublishRequest(shot("1001-1012", "24"), ("bars", "second")))
    repairs = [(problem.instance, problem.repair) for problem in check.problems]
    assert repairs == [("bars", None), ("second", "Repair it")]


def test_warnings_of_a_check_stop_nothing_and_are_in_the_result_and_the_report(session, host, shot, jobs, register):
    class WarnOfMood(pyblish.api.InstancePlugin):
        order = pyblish.api.ValidatorOrder

        def process(self, instance):
            WARNINGS.set(instance, ["the mood is low"])

    register(WarnOfMood)
    published = publish(PublishRequest(shot("1001-1012", "24"), ("bars", "second")), session, host, jobs=jobs)
    assert [version.changes for version in published.versions] == [("the mood is low",)] * 2
    assert describe_changes(published.versions) == ["bars, second: the mood is low."]
    report = json.loads((published.job / "report.json").read_text("utf-8"))
    assert [version["changes"] for version in report["versions"]] == [["the mood is low"]] * 2


def test_checked_job_is_not_published_by_the_queue(session, host, other_shot, jobs):
    check = Publisher(session, host, jobs=jobs).validate(PublishRequest(other_shot))
    assert [item.state for item in queue_items(jobs)] == ["checked"]
    check.discard()
    assert queue_items(jobs) == []


def test_partial_publish_reports_problems_that_the_user_can_fix(session, host, other_shot, jobs, paint):
    request = PublishRequest(other_shot, ("bars", paint("1001-1008").pattern), fps=Fraction(24))
    published = publish(request, session, host, jobs=jobs)
    assert [problem.check for problem in published.problems] == ["Frame range"]
    assert published.user_can_fix
