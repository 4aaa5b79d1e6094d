"""Awkward and random texts are drawn literally; FT_DCC_COMMENTS is their number (40)."""

import os
import unicodedata

import pytest
from doubles.numbered_images import run_ffmpeg, write_flat
from run_options import seeded

from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate
from ft_dcc.media import Burnin, encode
from ft_dcc.media.burnin import CORNERS

COUNT, BATCH = int(os.environ.get("FT_DCC_COMMENTS", "40")), 40
SIZE = Resolution(320, 180)
AWKWARD = [
    "50% done",
    'it\'s "quoted" and `this`',
    r"C:\new\Nice\hello \\server\share \N \n \h",
    r"{\b1}not bold{\b0} {} }{ {frame}",
    "%{n} %{pts} %d %% ${HOME} $(id)",
    "a:b;c,d[e]=f|g",
    "\N{CLAPPER BOARD} \N{GRINNING FACE} emoji",
    "\u0645\u0631\u062d\u0628\u0627 right to left \u05e9\u05dc\u05d5\u05dd",
    "first\nsecond\r\nthird\u2028fourth",
    "tab\tbell\x07 null\x00 escape\x1b",
    "<b>html</b> &amp; Dialogue: 0,0:00:00.00",
    "\ud800 lone surrogate",
    " ",
    "x" * 600,
]

# Each kind is a list of parts from which comments are built.
KINDS = {
    "words": ["look", "at", "the", "shadow", "größer", "déjà vu", "naïve", "Straße", " ", ", ", "1001"],
    "ffmpeg": ["%", "%%", "%{n}", "%{pts\\:hms}", "'", '"', "\\", "\\\\", ":", ";", ",", "[in]", "=", "|", "text="],
    "libass": ["{\\b1}", "{", "}", "\\N", "\\n", "\\h", "{\\p1}m 0 0 l 9 9", "\\{", "{=1}", "Dialogue: 0,", "[Events]"],
    "shell": ["$(id)", "`id`", "${HOME}", "&&", ">", "<", "*", "~", "!", "#", "../", "C:\\new", "\\\\server\\share"],
    "templates": ["{frame}", "{comment}", "{{", "}}", "{}", "{0}", "%s", "%04d", "{date!r}"],
    "emoji": [
        "\U0001f3ac",
        "\U0001f600",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f1eb\U0001f1f7",
        "❤\ufe0f",
    ],
    "right to left": [
        "\u05e9\u05dc\u05d5\u05dd",
        "\u0645\u0631\u062d\u0628\u0627",
        "\u202e",
        "\u2067",
        "\u200f",
        " a ",
    ],
    "breaks": ["\n", "\r\n", "\r", "\u2028", "\u2029", "\x0b", "\x0c", "\x85", "a", "b"],
    "controls": [*map(chr, range(0x20)), "\x7f", "\x9b", "\ufeff", "\u200b", "\ud800", "\udfff", "x"],
    "scripts": ["文字", "한국어", "हिन्दी", "ไทย", "e\u0301\u0302\u0303"],
}


def comments(count=COUNT):
    chance = seeded("comments of a burn-in")
    made = [*AWKWARD, *("".join(chance.choices(pieces, k=12)) for pieces in KINDS.values())]
    everything = [piece for pieces in KINDS.values() for piece in pieces]
    while len(made) < count:
        length = chance.choice((1, 3, 12, 40, 400))
        kind = chance.random()
        if kind < 0.6:
            made.append("".join(chance.choices(everything, k=length)))
        elif kind < 0.97:
            made.append("".join(chr(chance.randrange(0x110000)) for _ in range(min(length, 40))))
        else:
            made.append("".join(chance.choices(everything, k=4000)))
    return made[:count]


def is_visible(text):
    return any(unicodedata.category(character)[0] in "LNPS" for character in text)


@pytest.mark.parametrize("batch", range((COUNT + BATCH - 1) // BATCH))
def test_any_comment_is_drawn(tmp_path, each_ffmpeg, batch):
    """Draw many comments in one movie: each frame has its own in every corner, the slate and a watermark the first."""
    texts = comments()[batch * BATCH :][:BATCH]
    frames = Frames(str(tmp_path / "a.%04d.png"), FrameRange(1, len(texts)), frame_rate("24"), SIZE)
    for number in frames.frame_range:
        write_flat(frames.path(number), (60, 60, 60), SIZE)
    frame_texts = dict(enumerate(texts, 1))
    fields = {"comment": frame_texts, "all": texts[0]}
    look = Burnin(dict.fromkeys(CORNERS, "{comment}"), fields, slate=("{all}", "{comment}"), watermark="{all}")
    movie = encode(frames, tmp_path / "film.mp4", burnin=look)
    assert movie.frame_count == len(texts) + 1
    raw = run_ffmpeg("-i", movie.path, "-f", "rawvideo", "-fps_mode", "passthrough", "-pix_fmt", "gray", "-")
    size = SIZE.width * SIZE.height
    for number, text in frame_texts.items():
        image = raw[number * size : (number + 1) * size]
        assert len(image) == size
        if is_visible(text):
            # The watermark is not in the rows at the top.
            assert sum(abs(level - 67) > 15 for level in image[: 24 * SIZE.width]) > 3, ascii(text)
