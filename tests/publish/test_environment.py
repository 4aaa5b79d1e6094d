"""Publishes beside other users of pyblish in one process: neither changes what the other does."""

import hashlib
import itertools
import json
import logging
import re
import sys
import threading
from pathlib import Path

import pyblish.api
import pyblish.lib
import pytest

from ft_dcc.errors import Error, PluginBroken
from ft_dcc.publish import slots
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.pipeline import pyblish_adapter
from ft_dcc.publish.pipeline.registry import describe_left_out, find_plugins
from ft_dcc.publish.publisher import Publisher
from ft_dcc.settings.resolve import read_settings

# A plugin of another user, whose orders are between ours.
FOREIGN = """
import pyblish.api
with open({log!r}, "a") as log:
    log.write("imported {name}\\n")
class {name}(pyblish.api.InstancePlugin):
    order = {order}
    families = ["review"]
    def process(self, instance):
        instance.data["comment"] = "{name}"
        with open({log!r}, "a") as log:
            log.write("ran {name}\\n")
"""


def state():
    loggers = {None: logging.root, **logging.root.manager.loggerDict}
    levels = {name: each.level for name, each in loggers.items() if isinstance(each, logging.Logger)}
    registries = {name: repr(each) for name, each in pyblish_adapter.registries().items()}
    return levels, registries, logging.root.manager.disable, list(sys.path), set(sys.modules), Path.cwd()


def assert_unchanged(before):
    levels, *others = state()
    assert others == list(before[1:])
    # Plugins have loggers of their own, which are new.
    assert {name: levels[name] for name in before[0]} == before[0]


@pytest.fixture
def registries():
    environment = find_plugins()
    with environment.active():
        yield


@pytest.fixture
def foreign(tmp_path, monkeypatch, registries):
    """Register 100 plugins of others in three ways; return the lines that they wrote since the last call."""
    log, folders = tmp_path / "foreign.log", (tmp_path / "registered", tmp_path / "variable")
    for folder in folders:
        folder.mkdir()
    for number in range(100):
        name, order = f"Foreign{number:03d}", (0.1, 1.2, 2.3, 3.4)[number % 4]
        code = FOREIGN.format(log=str(log), name=name, order=order)
        if number < 34:
            module = {}
            exec(code, module)  # noqa: S102 - as a tool of a studio does
            pyblish.api.register_plugin(module[name])
        else:
            (folders[number % 2] / f"{name.lower()}.py").write_text(code, encoding="utf-8")
    pyblish.api.register_plugin_path(str(folders[0]))
    monkeypatch.setenv("PYBLISHPLUGINPATH", str(folders[1]))
    log.unlink()

    def written():
        text = log.read_text("utf-8") if log.exists() else ""
        log.unlink(missing_ok=True)
        return text.splitlines()

    return written


@pytest.fixture
def published(session, host, task, task_path, jobs, monkeypatch):
    """Publish, and return the checksum of the movie and the text of all operations, without random ids."""
    monkeypatch.setenv("FT_DCC_ENCODER_THREADS", "1")
    calls, call = [], session.call

    def recorded(operations, *args, **options):
        calls.append(operations)
        return call(operations, *args, **options)

    monkeypatch.setattr(session, "call", recorded)

    def publish():
        calls.clear()
        check = Publisher(session, host, jobs=jobs).validate(PublishRequest(task_path, comment="wip"))
        (movie,) = check.prepare()
        checksum = hashlib.sha256(movie.read_bytes()).hexdigest()
        assert check.publish().versions
        ids, numbers = {}, itertools.count()
        text = json.dumps(calls, default=str)
        return checksum, re.sub(r"[0-9a-f-]{36}", lambda found: str(ids.setdefault(found[0], next(numbers))), text)

    publish()  # The asset exists from now on.
    return publish


def test_plugins_of_others_do_not_run_and_change_no_byte(published, foreign, tmp_path, registries):
    def remove_all(plugins):
        plugins.clear()

    alone, called = published(), []
    assert foreign() == []
    (tmp_path / "registered" / "broken.py").write_text("raise RuntimeError('no licence')\n", encoding="utf-8")
    pyblish.api.register_discovery_filter(remove_all)
    pyblish.api.register_callback("pluginProcessed", lambda **values: called.append(values))
    pyblish.api.register_host("maya")
    before = state()
    assert published() == alone
    assert (foreign(), called) == ([], [])
    assert_unchanged(before)
    assert describe_left_out(read_settings()) == (
        "Publishes leave out 34 plugins, 2 plugin folders, 1 filter, 1 callback of other users of pyblish; "
        'pyblish_plugins = "all" includes them.'
    )


def test_plugins_of_others_run_with_the_setting(published, foreign, tmp_path, monkeypatch, registries):
    monkeypatch.setenv("FT_DCC_PYBLISH_PLUGINS", "all")
    called, before = [], state()
    pyblish.api.register_callback("pluginProcessed", lambda result: called.append(result["plugin"].__name__))
    published()
    lines = foreign()
    assert sorted(line for line in lines if line.startswith("ran")) == [f"ran Foreign{each:03d}" for each in range(100)]
    assert {"Foreign000", "UploadComponents"} <= set(called)
    assert describe_left_out(read_settings()) == ""
    pyblish.api.deregister_all_callbacks()
    assert_unchanged(before)
    (tmp_path / "registered" / "broken.py").write_text("raise RuntimeError('no licence')\n", encoding="utf-8")
    with pytest.raises(PluginBroken, match="no licence"):
        published()
    assert_unchanged(before)


# Two plugins that change whatever they can, and expect to find it.
GREEDY = """
import logging, os, sys
import pyblish.api
import neighbour_of_greedy
sys.path.insert(0, os.path.join(os.path.dirname({folder!r}), "vendor"))
pyblish.api.register_target("farm")
logging.getLogger().setLevel(logging.CRITICAL)
os.chdir({folder!r})

class CollectGreedily(pyblish.api.ContextPlugin):
    order = 0
    def process(self, context):
        import vendored_by_greedy
        vendored_by_greedy.loaded += 1
        for name in ("urllib3", "ft_dcc"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        logging.disable(logging.CRITICAL)
        pyblish.api.register_host("greedy")
        pyblish.api.register_plugin_path({folder!r})
        pyblish.api.register_callback("pluginProcessed", print)
        pyblish.api.register_discovery_filter(print)
        pyblish.api.register_plugin(CollectGreedily)
        os.chdir({folder!r})

class ValidateGreedily(pyblish.api.ContextPlugin):
    order = 1
    targets = ["farm"]
    def process(self, context):
        import neighbour_of_greedy, vendored_by_greedy
        assert "greedy" in pyblish.api.registered_hosts()
        context.data["loaded"] = (vendored_by_greedy.loaded, neighbour_of_greedy.loaded)
        {end}
"""


@pytest.fixture
def greedy(tmp_path, monkeypatch):
    folder, vendor = tmp_path / "plugins", tmp_path / "vendor"
    for each, name in ((folder, "neighbour_of_greedy"), (vendor, "vendored_by_greedy")):
        each.mkdir()
        (each / f"{name}.py").write_text("loaded = 1\n", encoding="utf-8")
    monkeypatch.setenv("FT_DCC_PLUGINS", str(folder))

    def write(end):
        (folder / "greedy.py").write_text(GREEDY.format(folder=str(folder), end=end), encoding="utf-8")

    return write


@pytest.mark.parametrize("end", ["pass", "raise KeyError('joke')", "raise SystemExit(3)", "raise KeyboardInterrupt"])
def test_the_process_is_as_it_was_after_a_publish(session, host, task, task_path, jobs, greedy, end):
    publisher, request = Publisher(session, host, jobs=jobs), PublishRequest(task_path)
    publisher.validate(request).discard()
    greedy(end)
    before = state()
    for loaded in (2, 3):
        try:
            check = publisher.validate(request)
        except KeyboardInterrupt:
            assert "Interrupt" in end
        else:
            assert check.context.data["loaded"] == (loaded, 1)
            assert [problem.check for problem in check.problems] == ([] if end == "pass" else ["ValidateGreedily"])
        assert_unchanged(before)
    greedy("pass\nraise ImportError('no licence')")
    with pytest.raises(PluginBroken, match="no licence"):
        publisher.validate(request)
    assert_unchanged(before)


def test_the_process_is_as_it_was_after_publishes_at_once(session, task, task_path, jobs, paint, greedy):
    request, errors = PublishRequest(task_path, paint("1001-1002").pattern), []
    Publisher(session, jobs=jobs).validate(request).discard()
    greedy("pass")
    before = state()

    def validate():
        try:
            check = Publisher(session, jobs=jobs).validate(request)
            assert slots.TASK.find(check.context) is not None
            check.discard()
        except (Error, AssertionError) as error:
            errors.append(error)

    threads = [threading.Thread(target=validate) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert_unchanged(before)


def test_callbacks_run_in_other_threads_only(registries):
    called, other = [], threading.Thread(target=lambda: pyblish.lib.emit("signal"))
    pyblish.api.register_callback("signal", lambda: called.append(threading.current_thread()))
    with pyblish_adapter.without_callbacks():
        pyblish.lib.emit("signal")
        other.start()
        other.join()
    assert called == [other]
