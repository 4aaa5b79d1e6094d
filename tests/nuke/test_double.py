"""Names of ``nuke`` exist in every supported Nuke, by Foundry; what studios configure changes nothing."""

import ast
import copy
import shutil
import sys
from pathlib import Path

import pytest
from doubles.nuke import knobs
from doubles.nuke.knobs import lines_of
from doubles.studio_configurations import StudioModule, fragments
from run_options import sample

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.renders.renders import read_renders

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "hosts" / "nuke" / "ft_dcc_nuke"
# Not in the reference for 16.0, but commonly used: to be confirmed in a real Nuke.
TO_BE_CONFIRMED = {"Gizmo", "executing", "INVISIBLE", "NUKE_VERSION_STRING", "Node", "env", "nodes"}


def documented_names():
    return {name: versions.split() for name, versions, *_ in lines_of("names.tsv")}


def used_names(package=PACKAGE):
    """Return every ``nuke.name`` in the package, and where it is first used."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "nuke":
                found.setdefault(node.attr, f"{path.name}:{node.lineno}")
    return found


def test_the_table_lists_exactly_the_names_that_the_adapter_uses():
    assert sorted(used_names()) == sorted(documented_names())


def test_each_name_is_documented_for_nuke_13_2_and_16():
    assert {name for name, versions in documented_names().items() if versions != ["13.2", "16.0"]} == TO_BE_CONFIRMED


@pytest.fixture
def stubs():
    """Return what types-nuke has at the top level of its modules."""
    found = next((Path(folder, "nuke-stubs") for folder in sys.path if Path(folder, "nuke-stubs").is_dir()), None)
    if found is None:
        pytest.skip("types-nuke is not installed")
    return [node for path in found.glob("*.pyi") for node in ast.parse(path.read_text("utf-8")).body]


def test_each_name_is_in_the_stubs_of_types_nuke(stubs):
    names = {"callbacks", *(node.name for node in stubs if isinstance(node, (ast.FunctionDef, ast.ClassDef)))}
    names |= {n.target.id for n in stubs if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    assert set(documented_names()) - names == set()


def test_each_class_of_knobs_has_its_base_in_the_stubs_of_types_nuke(stubs):
    bases = {node.name: [ast.unparse(each) for each in node.bases] for node in stubs if isinstance(node, ast.ClassDef)}
    found = {name: [each.__name__ for each in kind.__bases__] for name, kind in knobs.CLASSES.items() if name != "Knob"}
    # That of RotoPaint is in a module of its own, and that of graph scope variables is younger.
    assert {name: base for name, base in found.items() if bases.get(name) != base} == {
        "Roto_Knob": ["Knob"],
        "Gsv_Knob": ["Knob"],
    }


def test_each_knob_has_one_line_with_its_source_and_a_default_of_its_choices(nuke):
    lines = [line for line in lines_of("knobs.tsv") if len(line) > 1]
    assert len({tuple(line[:2]) for line in lines}) == len(lines) > 60
    for owner, name, kind, default, values, _since, source in lines:
        assert kind in knobs.CLASSES and source in ("page", "callbacks", "ocio", "gizmos", "gsv"), (owner, name)
        assert not values or default in ("", *values.split("|")), (owner, name)


def test_the_double_has_each_name_of_the_table_and_no_other(nuke):
    own = {name for name in nuke.module.__dict__ if not name.startswith("_")}
    callbacks = {name for name in own if name.startswith(("add", "remove"))}
    assert set(documented_names()) <= own
    assert own - callbacks - set(documented_names()) == {"Boolean_Knob", "Root"}


def test_a_name_that_is_in_no_table_is_a_misuse(nuke):
    with pytest.raises(AttributeError, match="has no attribute 'tcl'"):
        _ = nuke.module.tcl
    for use in (lambda: nuke.find("Write1").knob("fiel"), lambda: nuke.make("Writ"), lambda: nuke.module.nodes.Writ()):
        with pytest.raises(RuntimeError, match=r"is not in knobs\.tsv"):
            use()
    assert nuke.misuses[0] == "nuke.tcl is not modelled; model it before you use it"
    nuke.misuses.clear()


def test_a_knob_is_there_from_the_version_that_has_it(nuke):
    assert nuke.root.knob("gsv") is None and "gsv" in {knob.name() for knob in knobs.knobs_of("Root", 16)}
    assert {knob.name(): knob.value() for knob in knobs.knobs_of("Reformat", 15)}["type"] == "to format"


def test_a_save_under_another_name_keeps_the_name_of_the_script(nuke, tmp_path):
    nuke.module.scriptSaveAs(str(tmp_path / "comp.nk"), 1)
    nuke.module.scriptSave(str(tmp_path / "copy.nk"))
    assert nuke.root["name"].value() == str(tmp_path / "comp.nk") and (tmp_path / "copy.nk").is_file()


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("nuke.find('Write1')['fiel']", NameError),
        ("nuke.find('Write1')['file'].setValue(7)", TypeError),
        ("nuke.find('Write1')['first'].setValue('1001')", TypeError),
        ("nuke.find('Write1')['use_limit'].setValue('yes')", TypeError),
        ("nuke.find('Write1')['file_type'].setValue('gif')", TypeError),
        ("nuke.find('Write1').addKnob('comment')", TypeError),
        ("nuke.find('Write1').removeKnob(nuke.find('Write1')._knobs['file'])", ValueError),
        ("nuke.module.Tab_Knob(7)", TypeError),
        ("nuke.module.Enumeration_Knob('x', 'y', ['a', 1])", TypeError),
        ("nuke.module.execute(nuke.find('Read1'), 1, 2)", RuntimeError),
        ("nuke.module.execute(nuke.find('Write1'), 1.5, 2)", TypeError),
        ("nuke.module.execute(nuke.find('Write1'), 1, 2, 1, 'main')", TypeError),
        ("nuke.module.execute(node=nuke.find('Write1'), start=1, end=2)", TypeError),
        ("nuke.find('Write1')['channels'].setValue('rgbx')", TypeError),
        ("nuke.find('Write1')['beforeRender'].setValue(print)", TypeError),
        ("nuke.module.addBeforeRender('print(1)')", ValueError),
        ("nuke.module.addBeforeRender(print, (), [])", ValueError),
        ("nuke.module.addBeforeRender(print, node='Write')", TypeError),
        ("nuke.module.allNodes('Write', recurse=True)", TypeError),
        ("nuke.module.message(7)", TypeError),
        ("nuke.module.delete('Write1')", TypeError),
        ("nuke.root.setModified(1)", TypeError),
        ("nuke.module.menu('Nuke').addCommand('x', 7)", TypeError),
    ],
)
def test_the_double_refuses_what_nuke_refuses(nuke, expression, error):
    with pytest.raises(error):
        eval(expression, {"nuke": nuke})  # noqa: S307 - the expressions above


def test_the_double_records_calls_that_would_hang_or_crash(nuke, terminal):
    for call in (
        lambda: nuke.later(print, (), {}),
        lambda: nuke.module.Undo.enable(),
        lambda: terminal.module.menu("Nuke"),
        lambda: terminal.module.ask("Publish?"),
    ):
        with pytest.raises(RuntimeError):
            call()
    assert (len(nuke.misuses), len(terminal.misuses)) == (2, 2)
    nuke.misuses.clear()
    terminal.misuses.clear()


def test_the_double_runs_callbacks_in_the_documented_order_and_once(nuke):
    called = []
    write = nuke.find("Write1")

    def added(name):
        return lambda: called.append(name)

    first, second, everywhere = added("first"), added("second"), added("everywhere")
    nuke.module.addBeforeRender(everywhere, nodeClass="*")
    nuke.module.addBeforeRender(first)
    nuke.module.addBeforeRender(second)
    nuke.module.addBeforeRender(first)
    nuke.module.addBeforeRender(called.append, "other", nodeClass="DeepWrite")
    nuke.module.called = called
    write._knobs["beforeRender"]._value = "nuke.called.append('knob')"
    nuke.render(write, 1001, 1001)
    assert called == ["knob", "second", "first", "everywhere"]
    assert [event for event, *_ in nuke.events] == [
        "beforeRender",
        "beforeFrameRender",
        "afterFrameRender",
        "afterRender",
    ]


def load(program, code, callbacks):
    """Run the fragment in a program without those before it; return what its functions add to when they are called."""
    for event, registry in program.registered.items():
        registry.clear()
        registry.update(copy.deepcopy(callbacks.get(event, {})))
    program.knob_defaults.clear()
    program.view_names, program.view = ["main"], "main"
    called = []
    exec(code, {"nuke": StudioModule(program.module), "studio": called})  # noqa: S102 - as Nuke does
    called.clear()
    return called


def test_a_capture_runs_nothing_of_a_studio_and_changes_nothing(nuke, host, tmp_path):
    request = PlayblastRequest("Write1", FrameRange(1001, 1001), Resolution(64, 36), tmp_path / "frames", "shot")

    def capture():
        image = host.playblast(request, lambda frame: None).path(1001)
        return image.read_bytes(), nuke.drawn[-1]

    expected, changed = capture(), []
    for code in sample(fragments("nuke"), 5):
        called = load(nuke, code, {})
        before, defaults = nuke.state(), dict(nuke.knob_defaults)
        if (capture(), nuke.state(), nuke.knob_defaults, called) != (expected, before, defaults, []):
            changed.append(code)
    assert changed == [] and len(fragments("nuke")) > 150


def test_a_render_is_recorded_as_without_a_studio(terminal, tmp_path):
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    ft_dcc_nuke.start()
    write, own = terminal.find("Write1"), copy.deepcopy(terminal.registered)
    tab.add(write, tab.ALWAYS)

    def record():
        shutil.rmtree(tmp_path / "renders", ignore_errors=True)
        terminal.render(write, 1001, 1001)
        return [(each.source, each.frames, each.is_ended, each.execution.node) for each in read_renders()]

    expected, changed = record(), []
    for code in sample(fragments("nuke"), 5):
        if "nuke.menu" not in code:
            load(terminal, code, own)
            changed += [code] if record() != expected else []
    assert changed == [] and len(expected) == 1
