"""The behaviour of pyblish that the publish relies on or works around."""

import logging
import os
import sys

import pyblish.api
import pyblish.logic
import pyblish.plugin
import pyblish.util
import pytest
from doubles.programs import run_process

from ft_dcc.publish.pipeline import pyblish_adapter, runner


def plugin(name, order, process, base=pyblish.api.InstancePlugin, **attributes):
    return type(name, (base,), {"order": order, "process": process, **attributes})


def context_with(*names):
    context = pyblish.api.Context()
    for name in names:
        context.create_instance(name, family="review")
    return context


def test_plugin_error_is_returned_in_the_result():
    def fail(self, instance):
        raise ValueError("no")

    context = context_with("a")
    result = runner.run_plugin(plugin("Fail", 1, fail), context, context[0])
    assert (result["success"], str(result["error"])) == (False, "no")
    assert result["duration"] >= 0


def test_root_logger_is_at_debug_while_a_plugin_runs():
    seen = []

    def look(self, context):
        seen.append(logging.getLogger().level)

    before = logging.getLogger().level
    runner.run_plugin(plugin("Look", 0, look, pyblish.api.ContextPlugin), context_with(), None)
    assert seen == [logging.DEBUG]
    assert logging.getLogger().level == before


def test_urllib3_logs_no_url_while_a_plugin_runs(caplog):
    def ask(self, context):
        logging.getLogger("urllib3.connectionpool").debug("PUT /upload?signature=secret")
        logging.getLogger("pyblish.Ask").debug("heard")

    with pyblish_adapter.guarded_logging():
        runner.run_plugin(plugin("Ask", 0, ask, pyblish.api.ContextPlugin), context_with(), None)
    assert "secret" not in caplog.text
    assert "heard" in caplog.text
    assert logging.getLogger("urllib3").level == logging.NOTSET


def test_pyblish_logs_no_traceback_during_a_publish(capfd):
    def fail(self, context):
        raise ValueError("no")

    with pyblish_adapter.guarded_logging():
        runner.run_plugin(plugin("Fail", 0, fail, pyblish.api.ContextPlugin), context_with(), None)
    assert "Traceback" not in capfd.readouterr().err


def nothing(self, instance):
    pass


def nothing_of_context(self, context):
    pass


def test_instances_are_matched_by_family():
    context = context_with("a")
    context.create_instance("camera", family="review", families=["camera"])
    names = [
        [instance.name for instance in pyblish_adapter.targets(plugin("P", 0, nothing, families=families), context)]
        for families in (["camera"], ["review"], ["*"], ["nothing"])
    ]
    assert names == [["camera"], ["a", "camera"], ["a", "camera"], []]


def test_instance_with_publish_false_is_skipped():
    context = context_with("on", "off")
    context[1].data["publish"] = False
    assert [instance.name for instance in pyblish_adapter.targets(plugin("P", 0, nothing), context)] == ["on"]


def test_context_plugin_runs_once_regardless_of_families():
    made = plugin("P", 0, nothing_of_context, pyblish.api.ContextPlugin, families=["nothing"])
    assert pyblish_adapter.targets(made, context_with("a", "b")) == [None]


def test_inactive_plugin_and_plugin_of_another_target_do_not_run():
    context = context_with("a")
    assert (
        pyblish_adapter.targets(plugin("Off", 0, nothing_of_context, pyblish.api.ContextPlugin, active=False), context)
        == []
    )
    assert (
        pyblish_adapter.targets(
            plugin("Farm", 0, nothing_of_context, pyblish.api.ContextPlugin, targets=["farm"]), context
        )
        == []
    )


def test_registered_target_runs_in_addition_to_the_default():
    farm = plugin("Farm", 0, nothing_of_context, pyblish.api.ContextPlugin, targets=["farm"])
    assert pyblish_adapter.targets(farm, context_with(), ["farm"]) == [None]


def test_pyblish_executes_plugin_files_at_each_discovery(tmp_path):
    text = "import pyblish.api\nclass Check(pyblish.api.ContextPlugin):\n    order = 1\n"
    (tmp_path / "check.py").write_text(text, encoding="utf-8")
    first, second = (pyblish.api.discover(paths=[str(tmp_path)]) for _ in range(2))
    assert [found.__name__ for found in first] == ["Check"]
    assert first[0] is not second[0]


def test_an_empty_context_is_falsy():
    assert not pyblish.api.Context()


def test_create_instance_stores_its_keyword_arguments():
    instance = pyblish.api.Context().create_instance("a", families=["camera"])
    assert (instance.data["name"], instance.data["family"], instance.data["families"]) == ("a", "default", ["camera"])


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="a user always has a name on this system")
def test_pyblish_loads_for_a_user_without_a_name():
    script = (
        "import os; os.getuid = lambda: 54321\n"
        "from ft_dcc.publish.pipeline.pyblish_adapter import load_api\n"
        "load_api()\n"
        "import pyblish.api\n"
        "print(pyblish.api.registered_hosts(), os.environ['LOGNAME'])"
    )
    environment = {"PATH": os.environ["PATH"]}
    done = run_process(sys.executable, "-c", script, env=environment)
    assert (done.stderr, done.stdout) == ("", "['python'] unnamed\n")
