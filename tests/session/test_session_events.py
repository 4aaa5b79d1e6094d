import logging
import sys
import threading

import pytest
from doubles.programs import run_process

from ft_dcc.errors import EntityTypeError
from ft_dcc.session.session_events import discover
from ft_dcc.session.symbol import COMPONENT_ADDED_TO_LOCATION_TOPIC as COMPONENT_ADDED

PLUGIN = """
def register(session, received, studio="none"):
    for topic in ("ready", "reset", "configure-location"):
        session.event_hub.subscribe(f"topic=ftrack.api.session.{topic}", lambda event: received.append(event))
    received.append(studio)
"""


@pytest.fixture
def plugin_folder(tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "studio_plugin.py").write_text(PLUGIN, encoding="utf-8")
    return folder


def test_plugins_receive_ready_and_reset(open_session, plugin_folder):
    received = []
    arguments = {"received": received, "studio": "north", "unknown": 1}
    session = open_session(plugin_paths=[str(plugin_folder)], plugin_arguments=arguments)
    assert received.pop(0) == "north"
    configured = "ftrack.api.session.configure-location"
    assert [event["topic"] for event in received] == [configured, "ftrack.api.session.ready"]
    assert received[1]["data"]["session"] is session
    session.reset()
    assert [event["topic"] for event in received[2:]] == [configured, "ftrack.api.session.reset"]


def test_subscribed_types_are_constructed_before_the_session_is_ready(open_session, tmp_path):
    lines = (
        "def register(session, received):",
        "    topic = 'topic=ftrack.api.session'",
        "    receive = lambda event: received.append(event['data']['schema']['id'])",
        "    session.event_hub.subscribe(f'{topic}.construct-entity-type', receive)",
        "    session.event_hub.subscribe(f'{topic}.ready', lambda event: received.append('ready'))",
    )
    (tmp_path / "listens.py").write_text("\n".join(lines), encoding="utf-8")
    received = []
    session = open_session(plugin_paths=[str(tmp_path)], plugin_arguments={"received": received})
    assert received == [*session.types, "ready"]


def test_plugin_path_may_be_a_single_folder_and_come_from_the_environment(open_session, plugin_folder, monkeypatch):
    received = []
    open_session(plugin_paths=str(plugin_folder), plugin_arguments={"received": received})
    monkeypatch.setenv("FTRACK_EVENT_PLUGIN_PATH", str(plugin_folder))
    open_session(plugin_arguments={"received": received})
    assert received.count("none") == 2


def test_two_plugins_for_one_type_are_refused(open_session):
    session = open_session()
    session.types = type(session.types)(
        lambda: [{"id": "Prop", "primary_key": ["id"], "properties": {}}], session.events.construct_entity_type
    )
    for answer in (int, float):
        topic = "topic=ftrack.api.session.construct-entity-type"
        session.event_hub.subscribe(topic, lambda event, answer=answer: answer)
    with pytest.raises(EntityTypeError, match="2 plugins construct Prop; only one can"):
        session.types["Prop"]


def test_constructed_class_must_be_an_entity(open_session):
    session = open_session()
    session.event_hub.subscribe("topic=ftrack.api.session.construct-entity-type", lambda event: int)
    with pytest.raises(EntityTypeError, match="A plugin constructs Scope as <class 'int'>"):
        session.events.construct_entity_type({"id": "Scope"}, [])


def test_session_without_subscribers_has_no_hub_and_an_unconnected_hub_no_websocket(studio_server):
    script = (
        "import sys, ft_dcc.session\n"
        "with ft_dcc.session.Session(*sys.argv[1:]) as session:\n"
        "    session.query('User').first()\n"
        "    names = 'websocket', 'ft_dcc.session.events.hub'\n"
        "    print([name for name in names if name in sys.modules])\n"
        "    print(session.event_hub.connected, 'websocket' in sys.modules)\n"
    )
    credentials = [studio_server.server_url, studio_server.api_key, studio_server.api_user]
    done = run_process(sys.executable, "-c", script, *credentials, check=True)
    assert done.stdout == "[]\nFalse False\n"


def test_hub_is_created_unconnected(session):
    assert session.event_hub is session.event_hub
    assert session.event_hub.connected is False
    assert session.event_hub.get_server_url() == session.server_url


def test_closed_session_has_no_thread(open_session):
    session = open_session(auto_connect_event_hub=True)
    session.event_hub.wait_until_connected()
    assert "ft_dcc event hub" in [thread.name for thread in threading.enumerate()]
    session.close()
    assert session.event_hub.connected is False
    assert "ft_dcc event hub" not in [thread.name for thread in threading.enumerate()]
    session.close()


def test_location_events_are_published_if_the_hub_is_connected(open_session, caplog):
    caplog.set_level(logging.WARNING)
    session = open_session()
    session.events.publish(COMPONENT_ADDED, component_id="c", location_id="l")
    received = []
    session.event_hub.subscribe(f"topic={COMPONENT_ADDED}", lambda event: received.append(event["data"]))
    session.events.publish(COMPONENT_ADDED, component_id="c", location_id="l")
    session.event_hub.connect()
    session.events.publish(COMPONENT_ADDED, component_id="c", location_id="l")
    while not received:
        session.event_hub.wait(0.05)
    assert received == [{"component_id": "c", "location_id": "l"}]
    assert caplog.messages == []


calls = []


@pytest.fixture
def write(tmp_path):
    sys.modules["plugin_calls"] = sys.modules[__name__]
    calls.clear()

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    yield write
    del sys.modules["plugin_calls"]


RECORDS = "from plugin_calls import calls\n"


def test_python_files_below_the_paths_are_registered_by_name(write, tmp_path):
    write("b.py", RECORDS + "def register(session): calls.append(('b', session))")
    write("a.py", RECORDS + "def register(session): calls.append(('a', session))")
    write("deep/er/c.py", RECORDS + "def register(session): calls.append(('c', session))")
    write("notes.txt", "this is not Python")
    assert discover([tmp_path], ("session",)) == []
    assert calls == [("a", "session"), ("b", "session"), ("c", "session")]


def test_empty_path_is_not_the_current_folder(write, tmp_path, monkeypatch):
    write("a.py", RECORDS + "def register(session): calls.append(session)")
    monkeypatch.chdir(tmp_path)
    assert discover(["", "   "], ("session",)) == []
    assert calls == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("syntax error", "SyntaxError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("register = 5", 'does not define a "register" function'),
        ("def register(session): raise ValueError('no licence')", "ValueError: no licence"),
        ("def register(session, needed): pass", "missing 1 required positional argument: 'needed'"),
    ],
)
def test_broken_plugin_is_reported_and_the_others_are_registered(write, tmp_path, caplog, text, message):
    write("a_broken.py", text)
    write("b_good.py", RECORDS + "def register(session): calls.append('good')")
    broken = discover([tmp_path], ("session",))
    assert [str(tmp_path / "a_broken.py") in str(error) for error in broken] == [True]
    assert message in str(broken[0])
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(tmp_path / "a_broken.py") in caplog.text
    assert calls == ["good"]


@pytest.mark.parametrize(
    ("signature", "positional", "keyword", "expected"),
    [
        ("a, b=0, c=0, d=0", (1, 2), {"c": 3, "d": 4, "e": 5}, {"a": 1, "b": 2, "c": 3, "d": 4}),
        ("*args", (1, 2), {"b": 3}, {"args": (1, 2)}),
        ("**rest", (1,), {"b": 3}, {"rest": {"b": 3}}),
        ("a=0, b=0", (1,), {"a": 9, "b": 2}, {"a": 1, "b": 2}),
        ("a, c=0, *args", (1, 2, 3, 4), {}, {"a": 1, "c": 2, "args": (3, 4)}),
        ("a, c=0, **rest", (), {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3, "rest": {"b": 2}}),
        ("a, *, studio", (1,), {"studio": "x", "b": 2}, {"a": 1, "studio": "x"}),
        ("a, /", (1, 2), {"a": 3}, {"a": 1}),
        ("", (1,), {"b": 2}, {}),
    ],
)
def test_plugin_gets_the_arguments_that_it_accepts(write, tmp_path, signature, positional, keyword, expected):
    write("plugin.py", RECORDS + f"def register({signature}): calls.append(locals())")
    assert discover([tmp_path], positional, keyword) == []
    assert calls == [expected]


def test_refused_arguments_are_logged(write, tmp_path, caplog):
    write("plugin.py", "def register(session): pass")
    discover([tmp_path], ("session",), {"studio": "x", "debug": True})
    assert caplog.messages == [
        f"The register function of the plugin {tmp_path / 'plugin.py'} does not accept the arguments: "
        "['debug', 'studio']"
    ]


def test_plugins_with_equal_file_names_are_separate_modules(write, tmp_path):
    write("one/plugin.py", RECORDS + "def register(session): calls.append(__name__)")
    write("two/plugin.py", RECORDS + "def register(session): calls.append(__name__)")
    discover([tmp_path / "one", tmp_path / "two"], ("session",))
    assert len(set(calls)) == 2


def test_plugin_module_is_in_sys_modules(write, tmp_path):
    write(
        "plugin.py",
        "from __future__ import annotations\nfrom dataclasses import dataclass, field\nimport typing\n"
        "@dataclass\nclass Rule:\n"
        "    names: list[str] = field(default_factory=list)\n    kind: typing.ClassVar[str] = ''\n"
        "def register(session): Rule()",
    )
    assert discover([tmp_path], ("session",)) == []


def test_missing_folder_is_reported_with_what_named_it(open_session, tmp_path, monkeypatch, caplog):
    gone = str(tmp_path / "gone")
    open_session(plugin_paths=[gone])
    assert f"The plugin folder {gone} does not exist. Check the argument plugin_paths." in caplog.text
    monkeypatch.setenv("FTRACK_EVENT_PLUGIN_PATH", gone)
    open_session()
    assert f"The plugin folder {gone} does not exist. Check FTRACK_EVENT_PLUGIN_PATH." in caplog.text
