"""Renders of a scene and of File Output nodes: recorded by Blender's handlers, published by the path of all hosts."""

import pytest
from run_options import TIMEOUT_SECONDS

from ft_dcc.renders.renders import read_renders


@pytest.fixture
def rendering(scene, choices, bpy, tmp_path, monkeypatch, project_task, small_shot):
    """Return a function that renders frames, as the scene of a task that publishes after a render."""
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "renders"))
    scene["ft_dcc_task_id"] = project_task["id"]
    scene.ft_dcc_publish_render = "always"
    scene.frame_start, scene.frame_end, scene.render.fps = 999, 1008, 24
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    scene.render.engine, scene.render.filepath = "BLENDER_WORKBENCH", str(tmp_path / "out" / "shot_")
    scene.display.render_aa = "OFF"

    def render(start=999, end=1008):
        whole = scene.frame_start, scene.frame_end
        scene.frame_start, scene.frame_end = start, end
        bpy.ops.render.render(animation=True)
        scene.frame_start, scene.frame_end = whole

    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return render


def add_file_output(scene, bpy, folder):
    """Add a File Output node with one image; Blender 5 names its parts differently."""
    if hasattr(scene, "compositing_node_group"):
        tree = scene.compositing_node_group = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        node = tree.nodes.new("CompositorNodeOutputFile")
        node.directory, node.file_name = str(folder), ""
        node.format.media_type = "IMAGE"
        node.file_output_items.new("RGBA", "matte_##_")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        node = tree.nodes.new("CompositorNodeOutputFile")
        node.base_path, node.file_slots[0].path = str(folder), "matte_##_"
    node.format.file_format = "PNG"
    tree.links.new(tree.nodes.new("CompositorNodeRLayers").outputs[0], node.inputs[0])
    return node


def versions(session, task):
    found = session.query(f"AssetVersion where task_id is {task['id']} order by asset.name, version").all()
    return [(each["asset"]["name"], each["version"]) for each in found]


def test_a_rerendered_frame_gives_one_whole_version_of_what_is_on_disk(
    rendering, run_cli, session, project_task, monkeypatch, bpy, scene
):
    rendering(999, 1003)
    assert run_cli("renders", "publish") == 3 and versions(session, project_task) == []
    rendering(1004, 1008)
    assert run_cli("renders", "publish") == 0 == run_cli("renders", "publish")
    assert [number for _, number in versions(session, project_task)] == [1]
    bpy.ops.wm.save_mainfile()
    monkeypatch.setenv("FT_DCC_RENDER_FRAMES", "1005")
    scene["changed"] = True
    bpy.ops.wm.save_mainfile()
    rendering(1005, 1005)
    newest = read_renders()[-1]
    assert (newest.frames, str(newest.wanted), newest.missing) == ((1005,), "999-1008", ())
    assert run_cli("renders", "publish") == 0
    assert [number for _, number in versions(session, project_task)] == [1, 2]


def test_file_output_nodes_are_recorded_and_captures_are_not(rendering, scene, bpy, tmp_path, host, request_of):
    node = add_file_output(scene, bpy, tmp_path / "mattes")
    scene.ft_dcc_publish_render = "off"
    rendering(1001, 1002)
    host.playblast(request_of("1001-1002"), lambda frame: None)
    assert read_renders() == []
    scene.ft_dcc_publish_render, node.ft_dcc_publish_render = "ask", "always"
    rendering(1001, 1002)
    scene.frame_set(1002)
    # The file of an image that is rendered alone has no number.
    bpy.ops.render.render(write_still=True)
    found = {each.source: (each.execution.options.when, each.execution.asset_suffix) for each in read_renders()}
    assert {each.frames for each in read_renders()} == {(1001, 1002)}
    assert found == {
        str(tmp_path / "out" / "shot_%04d.png"): ("ask", ""),
        str(tmp_path / "mattes" / "matte_%04d_.png"): ("always", "matte"),
    }


def test_a_render_that_is_cancelled_is_no_version_until_the_rest_is_rendered(
    rendering, run_cli, session, project_task, bpy, tmp_path
):
    from ft_dcc_blender.scene import render_log

    render_log.ended.clear()
    out, cancelled = tmp_path / "out", []

    def stop(scene, *_):
        # Blender cancels a render whose image it cannot write.
        if scene.frame_current == 1003:
            out.rename(tmp_path / "kept")
            out.write_text("no folder")

    bpy.app.handlers.render_pre.append(stop)
    bpy.app.handlers.render_cancel.append(lambda scene, *_: cancelled.append(scene.name))
    with pytest.raises(RuntimeError):
        rendering()
    bpy.app.handlers.render_pre.remove(stop)
    bpy.app.handlers.render_cancel.pop()
    # The window is not told of an end, and later handlers add nothing to the log.
    assert (len(cancelled), render_log.ended.is_set(), render_log._active) == (1, False, [])
    out.unlink()
    (tmp_path / "kept").rename(out)
    assert run_cli("renders", "publish") == 3 and versions(session, project_task) == []
    assert [(each.frames, len(each.missing)) for each in read_renders()] == [((999, 1000, 1001, 1002), 6)]
    rendering(1003, 1008)
    assert run_cli("renders", "publish") == 0
    assert [number for _, number in versions(session, project_task)] == [1]


def test_an_unwritable_folder_of_logs_does_not_end_the_render(rendering, tmp_path, capfd):
    (tmp_path / "renders").write_text("no folder")
    rendering(1001, 1002)
    assert capfd.readouterr().err.count("ft-dcc cannot record the render") == 1
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_a_window_publishes_what_is_complete_and_asks_about_the_rest(
    rendering, signed_in, scene, bpy, monkeypatch, session, project_task
):
    from ft_dcc_blender.scene import render_log
    from ft_dcc_blender.ui import controller, menus

    def end_render():
        controller.publish_ended_renders()
        assert signed_in.wait(TIMEOUT_SECONDS) and (signed_in.error, signed_in.problems) == ("", ())

    # As a Blender with a window has.
    monkeypatch.setattr(render_log, "WINDOW", "a window")
    rendering()
    end_render()
    assert signed_in.published[0][1].version == 1 and signed_in.asked_renders == ()
    # An artist who repairs a frame renders it alone.
    rendering(1005, 1005)
    end_render()
    assert [number for _, number in versions(session, project_task)] == [1, 2]
    scene.ft_dcc_publish_render = "ask"
    rendering(1003, 1005)
    end_render()
    assert menus.result_text() == ("Scene is rendered (999-1008; new: 1003-1005). Publish it for review?", "QUESTION")
    bpy.ops.ft_dcc.publish_render()
    assert signed_in.published[0][1].version == 3 and signed_in.asked_renders == ()
    rendering(1003, 1005)
    end_render()
    bpy.ops.ft_dcc.decline_render()
    assert signed_in.wait(TIMEOUT_SECONDS) and signed_in.asked_renders == ()
    assert len(versions(session, project_task)) == 3
