"""The dialog at 640x480: its contents scroll, and no widget is smaller than it has to be."""

import importlib
import re

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars, painted
from doubles.maya import sample_scene
from doubles.maya.program import running

from ft_dcc.errors import ValidationIssue
from ft_dcc.frames import Resolution

PROBLEMS = tuple(
    ValidationIssue(check, "shotCam", f"The {check.lower()} of the scene is not that of the shot.")
    for check in ("Frame range", "Frame rate", "Resolution", "Sound")
)


@pytest.fixture
def maya():
    with running(sample_scene.build()) as program:
        host = importlib.import_module("ft_dcc_maya.host").MayaHost()
        host.idle = program.idle
        yield host


@pytest.fixture
def shrink(settle):
    """Return a function that makes a dialog as small as a window is in practice."""

    def resize(dialog, *hosts, width=640):
        settle(dialog, *hosts)
        dialog.resize(width, 480)
        settle(dialog, *hosts)

    return resize


def assert_nothing_is_cut(dialog, width=640):
    """Check the size of the window, of its fields, and of what does not scroll."""
    from Qt import QtCore, QtWidgets

    assert dialog.width() == width
    hint = dialog.minimumSizeHint()
    assert hint.width() <= width and hint.height() <= 480
    kinds = (
        QtWidgets.QLineEdit,
        QtWidgets.QPlainTextEdit,
        QtWidgets.QComboBox,
        QtWidgets.QCheckBox,
        QtWidgets.QPushButton,
    )
    page = dialog.stack.currentWidget()
    visible = [widget for widget in page.findChildren(QtWidgets.QWidget) if widget.isVisible()]
    fields = [widget for widget in visible if isinstance(widget, kinds)]
    assert fields
    for field in fields:
        wanted = field.minimumSizeHint() if isinstance(field, QtWidgets.QPlainTextEdit) else field.sizeHint()
        assert field.height() >= wanted.height(), field
        parent = field.parentWidget()
        assert parent.rect().contains(field.geometry()), field
        right = field.mapTo(dialog, QtCore.QPoint(field.width(), 0)).x()
        assert right <= width, field
    for label in (widget for widget in visible if isinstance(widget, QtWidgets.QLabel)):
        needed = label.heightForWidth(label.width()) if label.hasHeightForWidth() else label.sizeHint().height()
        assert label.height() >= needed, label.text()


def test_each_page_fits(open_dialog, shrink, maya):
    dialog = open_dialog(maya)
    for page in dialog.tabs:
        dialog.open_page(page)
        for width in (640, 430):
            shrink(dialog, maya, width=width)
            assert_nothing_is_cut(dialog, width)


def test_open_options_fit_and_are_scrolled_into_view(open_dialog, press, settle, shrink, maya):
    dialog = open_dialog(maya)
    shrink(dialog, maya)
    page = dialog.publish_page
    press(page.show_options)
    settle(dialog, maya)
    assert_nothing_is_cut(dialog)
    last = page.options.texts["status"]
    assert last.visibleRegion().boundingRect() == last.rect()
    assert page.publish.visibleRegion().boundingRect() == page.publish.rect()


def test_problems_fit(open_dialog, shrink, maya):
    dialog = open_dialog(maya)
    dialog.publish_page.show_options.click()
    dialog.controller.problems = PROBLEMS
    dialog.refresh()
    shrink(dialog, maya)
    assert_nothing_is_cut(dialog)
    assert dialog.publish_page.problems.height() >= dialog.publish_page.problems.minimumHeight()


def test_the_results_of_two_sources_fit_with_open_options(
    open_dialog, choose, press, wait_until, shrink, render, task_path, tmp_path
):
    (tmp_path / "still.png").write_bytes(painted(1, Resolution(64, 36)))
    dialog = open_dialog()
    page = dialog.publish_page
    page.add_files([render, tmp_path / "still.png"])
    choose(dialog, task_path)
    press(page.publish)
    wait_until(lambda: page.result.isVisible() and page.recent.rows.count() == 2)
    shrink(dialog)
    assert_nothing_is_cut(dialog)
    press(page.show_options)
    shrink(dialog)
    assert_nothing_is_cut(dialog)
    for widget in (page.result.message, page.result.address, page.result.open, page.publish):
        assert widget.visibleRegion().boundingRect() == widget.rect()


def test_a_narrow_panel_with_80_sources_has_one_line_of_pages_five_rows_and_the_whole_result(
    app, open_dialog, press, settle, task
):
    from Qt import QtCore, QtTest

    names = tuple(f"shot{number:02d}" for number in range(80))
    host = ColourBars(attrs.evolve(SCENE, path=None, sources=names, task_id=task["id"]))
    host.select = lambda source: None
    dialog = open_dialog(host)
    page, sources = dialog.publish_page, dialog.publish_page.sources
    # Of the others, the file of the scene is wrong, and a file that is not in the scene.
    sources_and_kinds = (("shot00", True), ("shot01", False), ("a file", True))
    problems = [ValidationIssue("Check", name, f"{name} is wrong.", can_select=can) for name, can in sources_and_kinds]
    for shown in ([], problems[:1], problems):
        dialog.controller.problems = tuple(shown)
        dialog.refresh()
        settle(dialog, host)
        dialog.resize(430, 700)
        settle(dialog, host)
        assert dialog.width() == 430 and dialog.pages.isVisible() and not dialog.tabs["publish"].isVisible()
        assert page.mapTo(dialog, QtCore.QPoint(0, 0)).y() < 3 * dialog.sign_out.height() // 2 + 10
        rows = [sources.visualItemRect(sources.item(row)) for row in range(5)]
        visible = sources.viewport().visibleRegion().boundingRect()
        assert all(visible.contains(row) for row in rows)
        # No room stays empty below the problems.
        assert not shown or page.problems.height() <= page.problems.widget().sizeHint().height() + 2
    assert len(page.problems.selects) == 1
    dialog.activateWindow()
    page.publish.setFocus()
    QtTest.QTest.keyClick(page.publish, QtCore.Qt.Key.Key_6, QtCore.Qt.KeyboardModifier.AltModifier)
    assert dialog.pages.text() == "Settings"
    dialog.resize(1200, 700)
    settle(dialog, host)
    assert dialog.tabs["settings"].isVisible() and not dialog.pages.isVisible()


def test_a_message_about_many_versions_scrolls(open_dialog, shrink):
    dialog = open_dialog()
    shrink(dialog)
    result = dialog.publish_page.result
    result.message.setText("\n".join(f"Version 1 of sh{number:03d} is on the server" for number in range(80)))
    result.show()
    shrink(dialog)
    assert_nothing_is_cut(dialog)
    assert result.height() < 200


def test_a_field_that_gets_the_focus_by_a_key_is_scrolled_into_view(open_dialog, press, settle, shrink, maya):
    from Qt import QtCore

    dialog = open_dialog(maya)
    page = dialog.publish_page
    press(page.show_options)
    shrink(dialog, maya)
    for field in (page.options.texts["status"], page.task):
        field.setFocus(QtCore.Qt.FocusReason.ShortcutFocusReason)
        settle(dialog, maya)
        assert field.visibleRegion().boundingRect() == field.rect()


def test_a_list_of_choices_follows_its_field_and_stays_inside_the_window(
    open_dialog, choose, press, settle, shrink, maya, task_path
):
    dialog = open_dialog(maya)
    choose(dialog, task_path, maya)
    page = dialog.publish_page
    press(page.show_options)
    shrink(dialog, maya)
    field, bar = page.review, page.body.verticalScrollBar()
    field.open()
    tops = set()
    for value in (0, bar.maximum() // 2):
        bar.setValue(value)
        settle(dialog, maya)
        assert dialog.rect().contains(field._list.geometry())
        distance = field._list.geometry().top() - field.mapTo(dialog, field.rect().bottomLeft()).y()
        assert distance == 1
        tops.add(field._list.geometry().top())
    assert len(tops) == 2


def test_the_wheel_over_a_choice_scrolls_the_page_and_keeps_the_choice(app, open_dialog, press, shrink, maya):
    from Qt import QtCore, QtGui

    dialog = open_dialog(maya)
    page = dialog.publish_page
    press(page.show_options)
    shrink(dialog, maya)
    before = page.options.scale.currentIndex()
    point, none = QtCore.QPointF(5, 5), QtCore.QPoint()
    event = QtGui.QWheelEvent(
        point,
        QtCore.QPointF(page.options.scale.mapToGlobal(point.toPoint())),
        none,
        QtCore.QPoint(0, -120),
        QtCore.Qt.MouseButton.NoButton,
        QtCore.Qt.KeyboardModifier.NoModifier,
        QtCore.Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    app.sendEvent(page.options.scale, event)
    assert page.options.scale.currentIndex() == before and not event.isAccepted()


@pytest.mark.parametrize("size", [(1600, 1000), (940, 620)])
def test_a_large_window_does_not_scroll(open_dialog, press, settle, maya, size):
    dialog = open_dialog(maya)
    press(dialog.publish_page.show_options)
    dialog.resize(*size)
    settle(dialog, maya)
    assert not dialog.publish_page.body.verticalScrollBar().isVisible()


@pytest.fixture
def palette_of(app):
    """Return a function that gives the program a palette with this colour of windows; restore it afterwards."""
    from Qt import QtGui

    before = app.palette()

    def use(name):
        palette = QtGui.QPalette(before)
        palette.setColor(QtGui.QPalette.ColorRole.Window, QtGui.QColor(name))
        app.setPalette(palette)

    yield use
    app.setPalette(before)


def contrast(one, two):
    def luminance(colour):
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("is_light", [False, True])
def test_texts_of_every_tone_contrast_with_the_background(app, is_light):
    from ft_dcc_qt import style

    sheet = style.style_sheet(is_light=is_light)
    background = re.search(r"QWidget { background: (#\w{6}); color: (#\w{6});", sheet)
    tones = dict(re.findall(r'QLabel\[tone="(\w+)"\] { color: (#\w{6})', sheet))
    assert set(tones) == {"dim", "error", "warning", "good"}
    for text in (background[2], *tones.values()):
        assert contrast(text, background[1]) >= 4.5, text
    button = re.search(r"QPushButton {\s+background: (#\w{6})", sheet)[1]
    assert contrast(background[2], button) >= 4.5


def test_every_colour_of_the_dark_style_has_a_light_one(app):
    from ft_dcc_qt import style

    dark = set(re.findall("#[0-9a-f]{6}", style.style_sheet(is_light=False)))
    # The main button is the same in both.
    assert dark - set(style._LIGHT) == {"#2f6ea8", "#3a7dbb"}


@pytest.mark.parametrize(("window", "is_light"), [("#444444", False), ("#323232", False), ("#efefef", True)])
def test_the_dialog_follows_the_windows_of_the_program(open_dialog, palette_of, window, is_light):
    from ft_dcc_qt import style

    palette_of(window)
    assert open_dialog(is_signed_in=False).styleSheet() == style.style_sheet(is_light=is_light)
