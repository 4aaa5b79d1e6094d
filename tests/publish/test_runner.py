from __future__ import annotations

import pyblish.api
import pytest

from ft_dcc import errors
from ft_dcc.publish.jobs.journal import Journal
from ft_dcc.publish.models import Source
from ft_dcc.publish.pipeline.pyblish_adapter import Context
from ft_dcc.publish.pipeline.runner import PluginRunner
from ft_dcc.publish.progress import ProgressReporter
from ft_dcc.publish.slots import LINK, PROGRESS, SCENE, SOURCE


class CollectThree(pyblish.api.ContextPlugin):
    order = 0

    def process(self, context):
        for name in ("one", "two", "three"):
            SOURCE.set(context.create_instance(name, families=["film"]), Source("film", f"{name}.mov", name))


class RefuseTwo(pyblish.api.InstancePlugin):
    order = 1
    label = "Not two"

    def process(self, instance):
        if instance.name == "two":
            raise errors.FramesMissing("Two has no frames.")


class Work(pyblish.api.InstancePlugin):
    order = 2
    done: list = []  # noqa: RUF012 - emptied by the fixture

    def process(self, instance):
        self.done.append(instance.name)
        LINK.set(instance, f"link of {instance.name}")
        instance.data["studio"] = {"take": 4}


@pytest.fixture(autouse=True)
def work_done():
    Work.done.clear()
    return Work.done


def runner_of(journal, *plugins):
    context = Context()
    PROGRESS.set(context, ProgressReporter())
    runner = PluginRunner(context, plugins, journal)
    runner.restore()
    return runner


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append({"job": "test"})
    return journal


def failing(name, order, error, base=pyblish.api.InstancePlugin, only=None):
    def process(self, instance):
        if only in (None, instance.name):
            raise error

    def process_context(self, context):
        raise error

    method = process if base is pyblish.api.InstancePlugin else process_context
    return type(name, (base,), {"order": order, "process": method})


def test_failed_source_does_not_block_the_others(journal, work_done):
    runner = runner_of(journal, CollectThree, RefuseTwo, Work)
    runner.run()
    assert work_done == ["one", "three"]
    assert runner.excluded == (errors.ValidationIssue("Not two", "two", "Two has no frames."),)


def test_all_problems_are_reported_at_once(journal, work_done):
    runner = runner_of(journal, CollectThree, RefuseTwo, failing("Bad", 1.1, AssertionError("Bad name.")), Work)
    with pytest.raises(errors.ValidationFailed) as caught:
        runner.run()
    assert [(problem.instance, problem.message) for problem in caught.value.problems] == [
        ("two", "Two has no frames."),
        ("one", "Bad name."),
        ("two", "Bad name."),
        ("three", "Bad name."),
    ]
    assert work_done == []


def test_single_problem_is_raised_with_its_own_class(journal):
    class CollectTwo(CollectThree):
        def process(self, context):
            context.create_instance("two")

    with pytest.raises(errors.FramesMissing, match="Two has no frames"):
        runner_of(journal, CollectTwo, RefuseTwo, Work).run()


def test_context_problem_fails_validation_for_all_sources(journal, work_done):
    bad = failing("Bad", 1, ValueError("The show is over."), base=pyblish.api.ContextPlugin)
    with pytest.raises(errors.UserFixableError, match=r"The show is over\."):
        runner_of(journal, CollectThree, bad, Work).run()
    assert work_done == []


def test_publish_without_a_source_is_rejected(journal):
    with pytest.raises(errors.UserFixableError, match="no source"):
        runner_of(journal, RefuseTwo, Work).run()


def test_broken_studio_collector_is_named(journal):
    broken = failing("CollectDay", 0.1, KeyError("day"), base=pyblish.api.ContextPlugin)
    with pytest.raises(errors.PluginBroken, match=r"CollectDay .*KeyError: 'day'"):
        runner_of(journal, CollectThree, broken).run()


def test_empty_slot_after_a_known_failure_is_not_reported_again(journal):
    class NeedsScene(pyblish.api.ContextPlugin):
        order = 1

        def process(self, context):
            SCENE.get(context)

    no_scene = failing("CollectScene", 0, errors.UserFixableError("No scene."), base=pyblish.api.ContextPlugin)
    with pytest.raises(errors.UserFixableError) as caught:
        runner_of(journal, no_scene, CollectThree, NeedsScene).run()
    assert str(caught.value) == "No scene."
    with pytest.raises(errors.PluginBroken, match=r"ft_dcc\.scene is empty until CollectScene has run"):
        runner_of(journal, CollectThree, NeedsScene).run()


def test_source_that_fails_after_validation_does_not_stop_the_others(journal, work_done):
    runner = runner_of(journal, CollectThree, failing("Encode", 2, RuntimeError("no codec"), only="one"), Work)
    runner.run()
    assert work_done == ["two", "three"]
    assert [(failure.source, str(failure.error.__cause__)) for failure in runner.failures] == [("one", "no codec")]


def test_unreachable_server_stops_all_sources(journal, work_done):
    dead = failing("Upload", 2, errors.ServerUnreachable("Nobody answers."))
    runner = runner_of(journal, CollectThree, dead, Work)
    with pytest.raises(errors.ServerUnreachable):
        runner.run()
    assert work_done == []
    assert len(runner.failures) == 1


def test_second_run_executes_only_unfinished_steps(journal, work_done):
    fails_one = failing("Encode", 2, RuntimeError("no codec"), only="one")
    runner_of(journal, CollectThree, RefuseTwo, fails_one, Work).run()
    again = runner_of(journal, CollectThree, RefuseTwo, failing("Encode", 2, None, only="nobody"), Work)
    again.run()
    assert work_done == ["three", "one"]
    assert [(instance.name, LINK.get(instance), instance.data["studio"]) for instance in again.context] == [
        ("one", "link of one", {"take": 4}),
        ("three", "link of three", {"take": 4}),
    ]
    assert again.excluded == (errors.ValidationIssue("Not two", "two", "Two has no frames."),)
    assert SOURCE.get(again.context[0]) == Source("film", "one.mov", "one")


def test_instance_of_a_studio_collector_is_published(journal, work_done):
    class CollectFour(pyblish.api.ContextPlugin):
        order = 0.2

        def process(self, context):
            context.create_instance("four").data["files"] = ["a", "b"]

    runner_of(journal, CollectThree, CollectFour, failing("Encode", 2, RuntimeError("no"), only="four"), Work).run()
    again = runner_of(journal, CollectThree, CollectFour, Work)
    again.run()
    assert work_done == ["one", "two", "three", "four"]
    assert again.context[3].data["files"] == ["a", "b"]


def test_instance_created_after_validation_stops_the_publish(journal, work_done):
    class MakeFive(pyblish.api.ContextPlugin):
        order = 1.9

        def process(self, context):
            context.create_instance("five")

    with pytest.raises(errors.PluginBroken, match="five was created after validation"):
        runner_of(journal, CollectThree, MakeFive, Work).run()


def test_run_that_stopped_before_the_validation_barrier_starts_again(journal, work_done):
    with pytest.raises(errors.ValidationFailed):
        runner_of(journal, CollectThree, failing("Bad", 1, AssertionError("no")), Work).run()
    runner_of(journal, CollectThree, Work).run()
    assert work_done == ["one", "two", "three"]


def test_cancel_stops_before_the_next_plugin(journal, work_done):
    runner = runner_of(journal, CollectThree, Work)
    PROGRESS.get(runner.context).cancel.set()
    with pytest.raises(errors.Cancelled):
        runner.run()
    assert work_done == []


def test_steps_have_duration_and_error(journal):
    runner = runner_of(journal, CollectThree, RefuseTwo, Work)
    runner.run()
    assert [(step.name, step.source, step.error) for step in runner.steps] == [
        ("CollectThree", "", None),
        ("RefuseTwo", "one", None),
        ("RefuseTwo", "two", "Two has no frames."),
        ("RefuseTwo", "three", None),
        ("Work", "one", None),
        ("Work", "three", None),
    ]
    assert all(step.seconds >= 0 for step in runner.steps)
