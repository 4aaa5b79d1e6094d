"""Images of the dialog for the documentation: ``FT_DCC_IMAGES=docs/images pytest tests/qt/test_images.py``."""

import importlib
import json
import os
from fractions import Fraction
from pathlib import Path
from uuid import uuid4

import pytest
from doubles.colour_bars import ColourBars, painted, write_painted
from doubles.maya import sample_scene as maya_scene
from doubles.maya.program import running as running_maya
from doubles.nuke import sample_script as nuke_script
from doubles.nuke.program import running as running_nuke

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish
from ft_dcc.session import operations

FOLDER = os.environ.get("FT_DCC_IMAGES")
TASK = "Northern Light/SQ010/SH010/Animation"

pytestmark = pytest.mark.skipif(FOLDER is None, reason="FT_DCC_IMAGES names the folder of the images")


@pytest.fixture(autouse=True)
def dark_style(monkeypatch):
    """Use the style of Maya and Nuke; the invisible screen has a light palette."""
    monkeypatch.setattr("ft_dcc_qt.style.is_light", lambda: False)


@pytest.fixture
def shot_task(session):
    return ensure_task(session, TASK, frame_range=FrameRange(1001, 1012), fps=Fraction(24))


@pytest.fixture
def save(app):
    def write(dialog, name, width=940, height=660):
        dialog.resize(width, height)
        app.processEvents()
        assert dialog.grab().save(str(Path(FOLDER, name)))

    return write


def test_image_of_the_dialog_after_a_publish(open_dialog, choose, press, wait_until, save, shot_task, tmp_path):
    from Qt import QtCore

    folder = tmp_path / "render"
    folder.mkdir()
    for name, frames in (("sh010_lighting", range(1001, 1013)), ("sh020_comp", (1001, 1002, 1004))):
        for frame in frames:
            (folder / f"{name}.{frame}.png").write_bytes(painted(frame, Resolution(64, 36)))
    dialog = open_dialog()
    page = dialog.publish_page
    page.add_files([folder])
    wait_until(lambda: dialog.controller.queries.wait(0))
    choose(dialog, TASK)
    page.comment.setPlainText("First light, with the key from the left")
    wait_until(lambda: page.sources.count() == 2)
    page.sources.item(1).setCheckState(QtCore.Qt.CheckState.Unchecked)
    press(page.publish)
    wait_until(lambda: not dialog.controller.is_busy and page.recent.rows.count() == 1)
    states, images = dialog.controller.version_states, dialog.controller.images
    wait_until(lambda: states.value and states.wait(0))
    dialog.refresh()
    wait_until(lambda: images.wait(0))
    dialog.refresh()
    save(dialog, "dialog.png")


@pytest.mark.parametrize(
    ("running", "sample", "adapter", "name"),
    [
        (running_maya, lambda _: maya_scene.build(), "ft_dcc_maya.host:MayaHost", "maya.png"),
        (running_nuke, nuke_script.build, "ft_dcc_nuke.host:NukeHost", "nuke.png"),
    ],
)
def test_image_of_the_dialog_in_a_host(
    running, sample, adapter, name, open_dialog, choose, wait_until, save, shot_task, tmp_path
):
    module, _, kind = adapter.partition(":")
    with running(sample(tmp_path)) as program:
        host = getattr(importlib.import_module(module), kind)()
        host.idle = program.idle
        dialog = open_dialog(host)
        choose(dialog, TASK, host)
        dialog.publish_page.comment.setPlainText("Blocking, second pass")
        wait_until(lambda: dialog.controller.checks.value, host)
        if dialog.publish_page.draw.isVisible():
            dialog.publish_page.draw.click()
            dialog.publish_page.show_options.click()
        wait_until(lambda: dialog.controller.queries.wait(0), host)
        dialog.refresh()
        save(dialog, name)
        dialog.close()


def test_image_of_the_notes(open_dialog, choose, press, wait_until, save, shot_task, session, tmp_path):
    folder = tmp_path / "render"
    folder.mkdir()
    write_painted(folder, range(1001, 1013), "sh010_lighting")
    request = PublishRequest(
        shot_task["id"], str(folder / "sh010_lighting.%04d.png"), asset="main", review="Dailies", fps=Fraction(24)
    )
    version = publish(request, session, jobs=tmp_path / "jobs").first.version_id
    entry = session.query(f'ReviewSessionObject where version_id is "{version}"').one()
    for frame, text in ((1004, "The left arm is too high, see the drawing."), (1009, "Nice. Keep the eyes on her.")):
        note = str(uuid4())
        content = {"id": note, "content": text, "parent_id": entry["id"], "parent_type": "ReviewSessionObject"}
        metadata = {"parent_id": note, "parent_type": "Note", "key": "ft_dcc", "value": json.dumps({"frame": frame})}
        session.call([operations.create("Note", content), operations.create("Metadata", metadata)])
    host = ColourBars()
    dialog = open_dialog(host)
    choose(dialog, TASK, host)
    wait_until(lambda: dialog.controller.feedback.versions, host)
    dialog.open_page("notes")
    wait_until(lambda: dialog.controller.feedback.wait(0) and dialog.controller.images.wait(0), host)
    dialog.refresh()
    wait_until(lambda: dialog.notes_page.files.disk.path and dialog.controller.images.wait(0), host)
    dialog.refresh()
    save(dialog, "dialog-notes.png")


@pytest.mark.parametrize("count", [1, 8, 80])
def test_image_of_the_dialog_with_few_and_many_sources(
    open_dialog, choose, wait_until, settle, save, shot_task, tmp_path, count
):
    writes = (count + 3) // 4
    with running_nuke(nuke_script.build(tmp_path)) as nuke:
        for node in nuke.root.every_node():
            nuke.delete(node)
        for kind, number in (("Write", writes), ("Read", count - writes)):
            for index in range(1, number + 1):
                pattern = tmp_path / kind.lower() / f"sh{index:03d}0_{kind.lower()}.%04d.png"
                nuke_script.set_knobs(nuke.make(kind), file=pattern.as_posix())
        pattern = Path(nuke.text_of(nuke.find("Write1")))
        pattern.parent.mkdir()
        for frame in range(1001, 1013):
            Path(str(pattern) % frame).write_bytes(painted(frame, Resolution(64, 36)))
        host = importlib.import_module("ft_dcc_nuke.host").NukeHost()
        host.idle = nuke.idle
        dialog = open_dialog(host)
        choose(dialog, TASK, host)
        wait_until(lambda: dialog.controller.queries.wait(0) and dialog.controller.checks.value, host)
        dialog.refresh()
        assert len(dialog.publish_page.sources.names) == count
        assert bool(dialog.publish_page.sources._heading_items()) == (count >= 4)
        save(dialog, f"dialog-{count}-source{'s' if count > 1 else ''}.png")
        if count == 80:
            # The height of texts that wrap follows from the width.
            dialog.resize(430, 700)
            settle(dialog, host)
            save(dialog, "dialog-narrow.png", 430, 700)
        dialog.close()
