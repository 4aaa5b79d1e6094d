"""A capture, a render log and the script stay as they are without what studios configure."""

import copy
import shutil

from doubles.studio_configurations import StudioModule, fragments
from run_options import sample

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc.renders.renders import read_renders


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
