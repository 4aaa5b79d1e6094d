"""A capture and the scene stay as they are without what studios configure."""

import attrs
from doubles.maya import sample_scene
from doubles.studio_configurations import StudioModule, fragments
from run_options import sample


def test_a_capture_is_as_without_a_studio_and_changes_nothing(maya, host, request_of):
    from maya import cmds

    def script_job(event):
        maya.callbacks[len(maya.callbacks) + 1000] = (event[0], lambda _data: event[1]())

    def capture():
        image = host.playblast(request_of("1001"), lambda frame: None).path(1001)
        drawn = maya.drawn[-1]
        # The name of its panel depends on what else there is.
        return image.read_bytes(), attrs.evolve(drawn, flags={**drawn.flags, "editorPanelName": ""})

    expected, changed = capture(), []
    for code in sample(fragments("maya"), 5):
        fresh = sample_scene.build()
        maya.scene, maya.interface, maya.undo, maya.is_undo_on = fresh.scene, fresh.interface, [], True
        maya.callbacks.clear()
        called = []
        exec(code, {"cmds": StudioModule(cmds, scriptJob=script_job), "studio": called})  # noqa: S102 - as Maya does
        maya.idle()
        called.clear()
        before = maya.state()
        if (capture(), maya.state()) != (expected, before) or (called and "timeChanged" not in code):
            changed.append(code)
    assert changed == [] and len(fragments("maya")) > 80
