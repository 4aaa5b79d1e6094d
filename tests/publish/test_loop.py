from __future__ import annotations

import pyblish.api
import pytest

from ft_dcc.errors import Cancelled, FramesMissing, PluginBroken, Problem, Problems, ServerUnreachable, Unpublishable
from ft_dcc.publish.engine import Context
from ft_dcc.publish.journal import Journal
from ft_dcc.publish.ledger import Ledger
from ft_dcc.publish.loop import Loop
from ft_dcc.publish.progress import Pulse
from ft_dcc.publish.records import Source
from ft_dcc.publish.slots import LINK, PULSE, SCENE, SOURCE


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
            raise FramesMissing("Two has no frames.")


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


def loop_of(journal, *plugins):
    context = Context()
    PULSE.set(context, Pulse())
    ledger = Ledger(journal, context)
    ledger.restore()
    return Loop(context, plugins, ledger)


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


def test_a_bad_source_does_not_block_the_good_ones(journal, work_done):
    loop = loop_of(journal, CollectThree, RefuseTwo, Work)
    loop.run()
    assert work_done == ["one", "three"]
    assert loop.ledger.problems == (Problem("Not two", "two", "Two has no frames."),)


def test_every_problem_is_told_at_once(journal, work_done):
    bad_all = failing("Bad", 1.1, AssertionError("Bad name."))
    loop = loop_of(journal, CollectThree, RefuseTwo, bad_all, Work)
    with pytest.raises(Problems) as caught:
        loop.run()
    assert [(problem.instance, problem.message) for problem in caught.value.problems] == [
        ("two", "Two has no frames."),
        ("one", "Bad name."),
        ("two", "Bad name."),
        ("three", "Bad name."),
    ]
    assert work_done == []


def test_the_only_problem_of_the_only_source_is_raised_as_itself(journal):
    class CollectTwo(CollectThree):
        def process(self, context):
            context.create_instance("two")

    with pytest.raises(FramesMissing, match="Two has no frames"):
        loop_of(journal, CollectTwo, RefuseTwo, Work).run()


def test_a_problem_of_the_whole_publish_shuts_the_gate_for_all(journal, work_done):
    bad = failing("Bad", 1, ValueError("The show is over."), base=pyblish.api.ContextPlugin)
    with pytest.raises(Unpublishable, match=r"The show is over\."):
        loop_of(journal, CollectThree, bad, Work).run()
    assert work_done == []


def test_nothing_is_published_without_a_source(journal):
    with pytest.raises(Unpublishable, match="no source"):
        loop_of(journal, RefuseTwo, Work).run()


def test_a_collector_of_the_studio_that_breaks_is_named(journal):
    broken = failing("CollectDay", 0.1, KeyError("day"), base=pyblish.api.ContextPlugin)
    with pytest.raises(PluginBroken, match=r"CollectDay .*KeyError: 'day'"):
        loop_of(journal, CollectThree, broken).run()


def test_what_needs_a_value_that_is_missing_for_a_known_reason_says_nothing(journal):
    class NeedsScene(pyblish.api.ContextPlugin):
        order = 1

        def process(self, context):
            SCENE.get(context)

    no_scene = failing("CollectScene", 0, Unpublishable("No scene."), base=pyblish.api.ContextPlugin)
    with pytest.raises(Unpublishable) as caught:
        loop_of(journal, no_scene, CollectThree, NeedsScene).run()
    assert str(caught.value) == "No scene."
    with pytest.raises(PluginBroken, match="Nothing is in SCENE until CollectScene has run"):
        loop_of(journal, CollectThree, NeedsScene).run()


def test_a_source_that_fails_at_work_is_left_alone_and_the_others_go_on(journal, work_done):
    fails_one = failing("Encode", 2, RuntimeError("no codec"), only="one")
    loop = loop_of(journal, CollectThree, fails_one, Work)
    loop.run()
    assert work_done == ["two", "three"]
    assert [(failure.source, str(failure.error.__cause__)) for failure in loop.failures] == [("one", "no codec")]


def test_a_dead_server_stops_everything(journal, work_done):
    dead = failing("Upload", 2, ServerUnreachable("Nobody answers."))
    loop = loop_of(journal, CollectThree, dead, Work)
    with pytest.raises(ServerUnreachable):
        loop.run()
    assert work_done == []
    assert len(loop.failures) == 1


def test_a_second_run_does_what_is_missing_and_nothing_twice(journal, work_done):
    fails_one = failing("Encode", 2, RuntimeError("no codec"), only="one")
    loop_of(journal, CollectThree, RefuseTwo, fails_one, Work).run()
    again = loop_of(journal, CollectThree, RefuseTwo, failing("Encode", 2, None, only="nobody"), Work)
    again.run()
    assert work_done == ["three", "one"]
    assert [(instance.name, LINK.get(instance), instance.data["studio"]) for instance in again.context] == [
        ("one", "link of one", {"take": 4}),
        ("three", "link of three", {"take": 4}),
    ]
    assert again.ledger.problems == (Problem("Not two", "two", "Two has no frames."),)
    assert SOURCE.get(again.context[0]) == Source("film", "one.mov", "one")


def test_a_source_of_the_studios_own_collector_is_one_like_ours(journal, work_done):
    class CollectFour(pyblish.api.ContextPlugin):
        order = 0.2

        def process(self, context):
            context.create_instance("four").data["files"] = ["a", "b"]

    loop_of(journal, CollectThree, CollectFour, failing("Encode", 2, RuntimeError("no"), only="four"), Work).run()
    again = loop_of(journal, CollectThree, CollectFour, Work)
    again.run()
    assert work_done == ["one", "two", "three", "four"]
    assert again.context[3].data["files"] == ["a", "b"]


def test_a_source_that_nobody_has_judged_stops_the_publish(journal, work_done):
    class MakeFive(pyblish.api.ContextPlugin):
        order = 1.9

        def process(self, context):
            context.create_instance("five")

    with pytest.raises(PluginBroken, match="five was made behind the gate"):
        loop_of(journal, CollectThree, MakeFive, Work).run()


def test_a_run_that_ended_before_the_gate_begins_again(journal, work_done):
    with pytest.raises(Problems):
        loop_of(journal, CollectThree, failing("Bad", 1, AssertionError("no")), Work).run()
    loop_of(journal, CollectThree, Work).run()
    assert work_done == ["one", "two", "three"]


def test_a_cancel_stops_before_the_next_plugin(journal, work_done):
    loop = loop_of(journal, CollectThree, Work)
    PULSE.get(loop.context).cancel.set()
    with pytest.raises(Cancelled):
        loop.run()
    assert work_done == []


def test_the_steps_are_told_with_their_time_and_their_error(journal):
    loop = loop_of(journal, CollectThree, RefuseTwo, Work)
    loop.run()
    assert [(step.name, step.source, step.error) for step in loop.ledger.steps] == [
        ("CollectThree", "", None),
        ("RefuseTwo", "one", None),
        ("RefuseTwo", "two", "Two has no frames."),
        ("RefuseTwo", "three", None),
        ("Work", "one", None),
        ("Work", "three", None),
    ]
    assert all(step.seconds >= 0 for step in loop.ledger.steps)
