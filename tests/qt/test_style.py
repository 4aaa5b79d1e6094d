import re

import pytest


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
