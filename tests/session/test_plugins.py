from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from ft_dcc.session.plugins import discover

calls: list[tuple[object, ...]] = []


@pytest.fixture
def write(tmp_path: Path):
    sys.modules["plugin_calls"] = sys.modules[__name__]
    calls.clear()

    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    yield write
    del sys.modules["plugin_calls"]


RECORDS = "from plugin_calls import calls\n"


def test_python_files_below_the_paths_are_registered_by_name(write, tmp_path: Path):
    write("b.py", RECORDS + "def register(session): calls.append(('b', session))")
    write("a.py", RECORDS + "def register(session): calls.append(('a', session))")
    write("deep/er/c.py", RECORDS + "def register(session): calls.append(('c', session))")
    write("notes.txt", "this is not Python")
    assert discover([tmp_path], ("session",)) == []
    assert calls == [("a", "session"), ("b", "session"), ("c", "session")]


def test_empty_path_is_not_the_current_folder(write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write("a.py", RECORDS + "def register(session): calls.append(session)")
    monkeypatch.chdir(tmp_path)
    assert discover(["", "   "], ("session",)) == []
    assert calls == []


def test_missing_folder_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert discover([tmp_path / "gone"]) == []
    assert f"The plugin folder {tmp_path / 'gone'} does not exist. Check the path." in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("syntax error", "SyntaxError"),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("register = 5", 'does not define a "register" function'),
        ("x = 1", 'does not define a "register" function'),
        ("def register(session): raise ValueError('no licence')", "ValueError: no licence"),
        ("def register(session): raise SystemExit('bye')", "SystemExit: bye"),
        ("def register(session, needed): pass", "missing 1 required positional argument: 'needed'"),
    ],
)
def test_broken_plugin_is_reported_and_the_others_are_registered(
    write, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, message: str
):
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
        ("**rest", (), {"b": 3}, {"rest": {"b": 3}}),
        ("**rest", (1,), {"b": 3}, {"rest": {"b": 3}}),
        ("a=0, b=0", (1,), {"b": 2}, {"a": 1, "b": 2}),
        ("a=0, b=0", (1,), {"a": 9, "b": 2}, {"a": 1, "b": 2}),
        ("a, c=0, *args", (1, 2, 3, 4), {}, {"a": 1, "c": 2, "args": (3, 4)}),
        ("a, c=0, **rest", (), {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3, "rest": {"b": 2}}),
        ("a, studio", (1,), {"studio": "x", "b": 2}, {"a": 1, "studio": "x"}),
        ("a, *, studio", (1,), {"studio": "x", "b": 2}, {"a": 1, "studio": "x"}),
        ("a, /", (1, 2), {"a": 3}, {"a": 1}),
        ("", (1,), {"b": 2}, {}),
    ],
)
def test_plugin_gets_the_arguments_that_it_accepts(
    write, tmp_path: Path, signature: str, positional: tuple[object, ...], keyword: dict[str, object], expected: object
):
    write("plugin.py", RECORDS + f"def register({signature}): calls.append(locals())")
    assert discover([tmp_path], positional, keyword) == []
    assert calls == [expected]


def test_refused_arguments_are_logged(write, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write("plugin.py", "def register(session): pass")
    discover([tmp_path], ("session",), {"studio": "x", "debug": True})
    assert caplog.messages == [
        f"The register function of the plugin {tmp_path / 'plugin.py'} does not accept the arguments: "
        "['debug', 'studio']"
    ]


def test_plugins_with_equal_file_names_are_separate_modules(write, tmp_path: Path):
    write("one/plugin.py", RECORDS + "def register(session): calls.append(__name__)")
    write("two/plugin.py", RECORDS + "def register(session): calls.append(__name__)")
    discover([tmp_path / "one", tmp_path / "two"], ("session",))
    assert len(set(calls)) == 2


def test_plugin_module_is_in_sys_modules(write, tmp_path: Path):
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
