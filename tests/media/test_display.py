"""What a film shows of scene-linear light, against values that are computed here.

Plain light goes through the formulas of IEC 61966-2-1 (sRGB) and ITU-R BT.709 by numpy, ACEScg through the Academy's
matrix first. For the film look of ACES the reference is OpenColorIO itself, asked for one pixel.
"""

from __future__ import annotations

import struct
from fractions import Fraction

import attrs
import numpy as np
import pytest
from doubles.numbered_pictures import run_ffmpeg, write_flat

from ft_dcc.errors import Cancelled, FramesMissing, Invalid, SettingInvalid
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import Colour, begin_encoding, contact_sheet, encode, picture_size, still, thumbnail
from ft_dcc.media.presets import EDITORIAL

oiio = pytest.importorskip("OpenImageIO", reason="ft-dcc[colour] is not installed")

SIZE = Resolution(64, 36)
# AP1 with the white of ACES to BT.709 with D65, adapted by Bradford's method: Academy TB-2014-004 and SMPTE RP 177.
AP1_TO_BT709 = np.array(
    [[1.7050510, -0.6217921, -0.0832589], [-0.1302564, 1.1408047, -0.0105483], [-0.0240034, -0.1289690, 1.1529724]]
)
AP1 = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
AP0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
LIGHTS = [(0.18, 0.18, 0.18), (0.5, 0.2, 0.05), (0.02, 0.6, 0.9), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (6.0, 0.5, 0.1)]


@pytest.fixture(autouse=True)
def no_config_of_a_studio(monkeypatch):
    monkeypatch.delenv("OCIO", raising=False)


@pytest.fixture
def make_exr(tmp_path):
    """Return a function that writes frames of one colour each, and of any kind that OpenImageIO writes."""

    def make(lights, name="a.%04d.exr", channels="RGB", depth="half", size=SIZE, **attributes):
        frames = Frames(str(tmp_path / name), FrameRange(1, len(lights)), Fraction(24), size)
        for number, light in enumerate(lights, 1):
            spec = oiio.ImageSpec(size.width, size.height, len(channels), depth)
            spec.channelnames = list(channels)
            for key, value in attributes.items():
                if key == "tile":
                    spec.tile_width = spec.tile_height = value
                elif key == "chromaticities":
                    spec.attribute(key, "float[8]", value)
                else:
                    spec.attribute(key, value)
            values = [dict(zip("RGB", light)).get(channel, 0.5) for channel in channels]
            write(frames.path(number), spec, np.full((size.height, size.width, len(channels)), values, np.float32))
        return frames

    return make


def write(path, spec, pixels):
    file = oiio.ImageOutput.create(str(path))
    assert file.open(str(path), spec), file.geterror()
    assert file.write_image(pixels), file.geterror()
    file.close()


def colours_of(film):
    """Red, green and blue of the middle of each picture, 0 to 255, from the levels that lie in the film."""
    raw = run_ffmpeg("-i", film.path, "-f", "rawvideo", "-pix_fmt", "yuv444p", "-fps_mode", "passthrough", "-")
    width, height = film.resolution.width, film.resolution.height
    planes = np.frombuffer(raw, np.uint8).reshape(-1, 3, height, width)[:, :, height // 2, width // 2].astype(float)
    y, cb, cr = (planes[:, 0] - 16) / 219, (planes[:, 1] - 128) / 224, (planes[:, 2] - 128) / 224
    # ITU-R BT.709-6, section 3, solved for R, G and B.
    red, blue = y + 1.5748 * cr, y + 1.8556 * cb
    return 255 * np.stack([red, (y - 0.2126 * red - 0.0722 * blue) / 0.7152, blue], axis=1)


def srgb(light):
    """The curve of IEC 61966-2-1, with what a film cannot hold cut off."""
    light = np.clip(np.asarray(light, float), 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def asked_of_ocio(light, space, view="ACES 1.0 - SDR Video", config="ocio://default"):
    """What OpenColorIO makes of one pixel, 0 to 255."""
    pixel = oiio.ImageBuf(oiio.ImageSpec(1, 1, 3, "float"))
    pixel.setpixel(0, 0, light)
    shown = oiio.ImageBufAlgo.ociodisplay(pixel, "sRGB - Display", view, space, colorconfig=config)
    return 255 * np.clip(shown.getpixel(0, 0), 0, 1)


def differ(found, wanted):
    # The levels of a film are whole numbers, of chroma a bit more than two of RGB each.
    return float(np.abs(np.asarray(found) - np.asarray(wanted)).max())


@pytest.mark.parametrize("depth", ["half", "float"])
def test_light_that_says_nothing_about_itself_gets_the_srgb_curve(make_exr, tmp_path, depth):
    film = encode(make_exr(LIGHTS, depth=depth), tmp_path / "film.mp4")
    assert differ(colours_of(film), [srgb(light) for light in LIGHTS]) < 4


@pytest.mark.parametrize(
    "kind",
    [
        {"channels": "RGBA"},
        {"channels": ["A", "Z", "B", "G", "R"]},
        {"channels": ["beauty.R", "beauty.G", "beauty.B", "depth.Z"]},
        {"channels": ["diffuse.r", "diffuse.g", "diffuse.b", "depth.Z"]},
        {"channels": ["rgba.red", "rgba.green", "rgba.blue", "rgba.alpha"]},
        {"tile": 16},
        {"compression": "dwaa"},
        {"compression": "zip"},
        {"compression": "none"},
        {"compression": "piz"},
        {"size": Resolution(67, 35)},
    ],
    ids=str,
)
def test_every_kind_of_exr_shows_the_same(make_exr, tmp_path, kind):
    lights = [(0.5, 0.2, 0.05), (0.02, 0.6, 0.9)]
    if len(kind.get("channels", "")) == 4 and "." in kind["channels"][0]:
        frames = make_exr([(0, 0, 0)] * 2, **kind)
        for number, light in enumerate(lights, 1):
            spec = oiio.ImageSpec(64, 36, 4, "half")
            spec.channelnames = kind["channels"]
            write(frames.path(number), spec, np.full((36, 64, 4), (*light, 7.0), np.float32))
    else:
        frames = make_exr(lights, **kind)
    assert picture_size(frames.path(1)) == frames.resolution
    film = encode(frames, tmp_path / "film.mp4")
    assert differ(colours_of(film), [srgb(light) for light in lights]) < 4


def test_the_part_with_the_colours_is_shown(make_exr, tmp_path):
    frames = make_exr([(0, 0, 0)])
    parts = []
    for name, channels in (("depth", ["Z"]), ("beauty", ["R", "G", "B", "A"]), ("normals", ["N.X", "N.Y", "N.Z"])):
        spec = oiio.ImageSpec(64, 36, len(channels), "half")
        spec.channelnames = channels
        spec.attribute("oiio:subimagename", name)
        parts.append(spec)
    file = oiio.ImageOutput.create(str(frames.path(1)))
    assert file.open(str(frames.path(1)), tuple(parts)), file.geterror()
    for place, (spec, values) in enumerate(zip(parts, ((9.0,), (0.5, 0.2, 0.05, 1.0), (0.1, 0.9, 0.9)))):
        if place:
            assert file.open(str(frames.path(1)), spec, "AppendSubimage"), file.geterror()
        assert file.write_image(np.full((36, 64, spec.nchannels), values, np.float32)), file.geterror()
    file.close()
    # ffmpeg, which looks at the first part alone, cannot say it.
    assert picture_size(frames.path(1)) == SIZE
    assert differ(colours_of(encode(frames, tmp_path / "film.mp4")), [srgb((0.5, 0.2, 0.05))]) < 4


def test_the_size_of_a_picture_of_no_known_kind_is_not_asked_for(tmp_path):
    with pytest.raises(Invalid, match=r"kind of image is \.hdr, wanted is one of \.bmp, \.cin, \.dpx, \.exr"):
        picture_size(tmp_path / "a.0001.hdr")


def test_grey_is_shown_as_grey_and_depth_alone_is_refused(make_exr, tmp_path):
    frames = make_exr([(0, 0, 0)], channels="Y")
    film = encode(frames, tmp_path / "film.mp4")
    assert differ(colours_of(film), [srgb((0.5, 0.5, 0.5))]) < 3
    with pytest.raises(Invalid, match=r"channels of frame 1 \(a.0001.exr\) is Z, wanted is R, G and B"):
        encode(make_exr([(0, 0, 0)], channels="Z"), tmp_path / "film.mp4")


def test_what_lies_outside_of_the_data_window_is_black(tmp_path):
    frames = Frames(str(tmp_path / "a.%04d.exr"), FrameRange(1, 1), Fraction(24), SIZE)
    spec = oiio.ImageSpec(32, 18, 3, "half")
    spec.x, spec.y, spec.full_width, spec.full_height = 16, 9, 64, 36
    write(frames.path(1), spec, np.full((18, 32, 3), 1.0, np.float32))
    film = encode(frames, tmp_path / "film.mp4")
    raw = run_ffmpeg("-i", film.path, "-f", "rawvideo", "-pix_fmt", "gray", "-")
    luma = np.frombuffer(raw, np.uint8).reshape(36, 64)
    assert (luma[18, 4], luma[3, 32], luma[18, 32]) == (0, 0, 255)


def test_more_than_the_display_window_is_cut(tmp_path):
    frames = Frames(str(tmp_path / "a.%04d.exr"), FrameRange(1, 1), Fraction(24), SIZE)
    spec = oiio.ImageSpec(80, 52, 3, "half")
    spec.x, spec.y, spec.full_x, spec.full_y, spec.full_width, spec.full_height = -8, -8, 0, 0, 64, 36
    pixels = np.zeros((52, 80, 3), np.float32)
    pixels[8:44, 8:72] = 1.0
    write(frames.path(1), spec, pixels)
    film = encode(frames, tmp_path / "film.mp4")
    raw = run_ffmpeg("-i", film.path, "-f", "rawvideo", "-pix_fmt", "gray", "-")
    assert min(raw) > 250


def test_pixels_that_are_not_square_become_square(make_exr, tmp_path):
    frames = make_exr([(0.5, 0.5, 0.5)], PixelAspectRatio=2.0)
    film = encode(frames, tmp_path / "film.mp4")
    sheet = contact_sheet(frames, tmp_path / "sheet.jpg")
    assert [str(made.resolution) for made in (film, sheet)] == ["128x36", "128x36"]
    # The box of an mp4 that says how wide a pixel is by its height: ISO/IEC 14496-12, section 12.1.4.
    assert b"pasp" + struct.pack(">II", 1, 1) in film.path.read_bytes()
    pictures = (thumbnail(frames.path(1), tmp_path / "a.jpg"), thumbnail(film.path, tmp_path / "b.jpg"))
    assert [str(picture.resolution) for picture in pictures] == ["128x36", "128x36"]


def test_what_is_no_number_or_endless_does_no_harm(make_exr, tmp_path):
    frames = make_exr([(float("inf"), float("inf"), float("inf")), (float("nan"), 0.5, 0.5)])
    (white, other) = colours_of(encode(frames, tmp_path / "film.mp4"))
    assert differ(white, (255, 255, 255)) < 3
    assert np.isfinite(other).all()


@pytest.mark.parametrize("said", [{"colour": Colour(space="ACEScg", view="Un-tone-mapped")}, {}])
def test_acescg_is_brought_to_the_primaries_of_the_film(make_exr, tmp_path, said, monkeypatch):
    if not said:
        monkeypatch.setenv("FT_DCC_COLOUR_SPACE", "ACEScg")
        monkeypatch.setenv("FT_DCC_VIEW", "Un-tone-mapped")
    film = encode(make_exr(LIGHTS), tmp_path / "film.mp4", **said)
    assert differ(colours_of(film), [srgb(AP1_TO_BT709 @ light) for light in LIGHTS]) < 4


@pytest.mark.parametrize(
    ("said", "space"),
    [
        ({"colour": Colour(space="ACEScg")}, "ACEScg"),
        ({"colour": Colour(space="scene_linear")}, "ACEScg"),
        ({"colour": Colour(space="ACES2065-1")}, "ACES2065-1"),
    ],
)
def test_aces_is_shown_through_its_own_view(make_exr, tmp_path, said, space):
    film = encode(make_exr(LIGHTS), tmp_path / "film.mp4", **said)
    assert differ(colours_of(film), [asked_of_ocio(light, space) for light in LIGHTS]) < 4


@pytest.mark.parametrize(("chromaticities", "space"), [(AP1, "ACEScg"), (AP0, "ACES2065-1")])
def test_a_file_says_by_its_chromaticities_that_it_is_aces(make_exr, tmp_path, chromaticities, space):
    film = encode(make_exr(LIGHTS, chromaticities=chromaticities), tmp_path / "film.mp4")
    assert differ(colours_of(film), [asked_of_ocio(light, space) for light in LIGHTS]) < 4


def test_a_file_says_by_its_chromaticities_that_it_is_bt709(make_exr, tmp_path):
    bt709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
    film = encode(make_exr(LIGHTS, chromaticities=bt709), tmp_path / "film.mp4")
    assert differ(colours_of(film), [srgb(light) for light in LIGHTS]) < 4


@pytest.mark.parametrize("name", ["a.%04d.png", "a.%04d.tif", "a.%04d.dpx"])
def test_any_image_may_be_of_a_named_space(make_exr, tmp_path, name):
    encoded = [(0.41, 0.41, 0.41), (0.5, 0.35, 0.2)]
    frames = make_exr(encoded, name=name, depth="uint16")
    film = encode(frames, tmp_path / "film.mp4", colour=Colour(space="ACEScct"))
    assert differ(colours_of(film), [asked_of_ocio(value, "ACEScct") for value in encoded]) < 4
    # The setting is about OpenEXR: a playblast in the same project stays as it is.
    plain = encode(frames, tmp_path / "plain.mp4")
    assert differ(colours_of(plain), 255 * np.array(encoded)) < 4


STUDIO = """ocio_profile_version: 2
roles: {default: light, scene_linear: light}
displays:
  wall:
    - !<View> {name: half, colorspace: dimmed}
    - !<View> {name: whole, colorspace: light}
colorspaces:
  - !<ColorSpace> {name: light}
  - !<ColorSpace>
    name: dimmed
    from_scene_reference: !<MatrixTransform> {matrix: [0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 1]}
"""


@pytest.mark.parametrize("variable", ["OCIO", "FT_DCC_OCIO"])
@pytest.mark.parametrize(("view", "wanted"), [(None, (102, 51, 26)), ("whole", (204, 102, 51))])
def test_a_studio_has_its_own_config(make_exr, tmp_path, monkeypatch, variable, view, wanted):
    (tmp_path / "studio.ocio").write_text(STUDIO, encoding="utf-8")
    monkeypatch.setenv(variable, str(tmp_path / "studio.ocio"))
    if view:
        monkeypatch.setenv("FT_DCC_VIEW", view)
    film = encode(make_exr([(0.8, 0.4, 0.2)]), tmp_path / "film.mp4")
    assert differ(colours_of(film), [wanted]) < 4


@pytest.mark.parametrize(
    ("colour", "sentence"),
    [
        (Colour(space="ACESgc"), r"no colour space called 'ACESgc'\. Did you mean ACEScg"),
        (Colour(view="ACES"), "no view called 'ACES'"),
        (Colour(display="sRGB"), r"no display called 'sRGB'\. Did you mean sRGB - Display"),
        (Colour(config="/nowhere/studio.ocio"), "studio.ocio is no OCIO config"),
    ],
)
def test_a_name_that_the_config_does_not_have_is_refused_before_anything_runs(make_exr, tmp_path, colour, sentence):
    with pytest.raises(SettingInvalid, match=sentence):
        encode(make_exr([(0, 0, 0)]), tmp_path / "film.mp4", colour=colour)


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.98])
@pytest.mark.parametrize("kind", [{}, {"tile": 16}, {"compression": "piz"}], ids=str)
def test_a_damaged_exr_is_named_by_its_number(make_exr, tmp_path, kept, kind):
    frames = make_exr([(0.1, 0.2, 0.3)] * 6, depth="float", **{"compression": "none", **kind})
    content = frames.path(4).read_bytes()
    frames.path(4).write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(FramesMissing, match="Frame 4 is damaged") as raised:
        encode(frames, tmp_path / "film.mp4")
    assert raised.value.missing == (4,)
    with begin_encoding(frames, tmp_path / "film.mp4") as encoding:
        for number in frames.frame_range:
            encoding.add(number)
        with pytest.raises(FramesMissing, match="Frame 4 is damaged"):
            encoding.finish()
    assert not list(tmp_path.glob("*film*"))


def test_bits_that_were_turned_in_an_exr_are_found(make_exr, tmp_path):
    frames = make_exr([(0.1, 0.2, 0.3)] * 3, compression="zip")
    rng = np.random.default_rng(5)
    spec = oiio.ImageSpec(64, 36, 3, "half")
    spec.attribute("compression", "zip")
    write(frames.path(2), spec, rng.random((36, 64, 3), np.float32))
    content = bytearray(frames.path(2).read_bytes())
    for at in range(len(content) // 2, len(content) // 2 + 40):
        content[at] ^= 0x5A
    frames.path(2).write_bytes(content)
    with pytest.raises(FramesMissing, match="Frame 2 is damaged"):
        encode(frames, tmp_path / "film.mp4")


def test_a_text_is_no_exr_and_another_size_is_refused(make_exr, tmp_path):
    frames = make_exr([(0.1, 0.2, 0.3)] * 3)
    good = frames.path(2).read_bytes()
    frames.path(2).write_text("Error: no licence")
    with pytest.raises(FramesMissing, match="Frame 2 is damaged"):
        encode(frames, tmp_path / "film.mp4")
    frames.path(2).write_bytes(good)
    write(frames.path(3), oiio.ImageSpec(80, 36, 3, "half"), np.zeros((36, 80, 3), np.float32))
    with pytest.raises(Invalid, match=r"size of frame 3 \(a.0003.exr\) is 80x36, wanted is 64x36"):
        encode(frames, tmp_path / "film.mp4")


def test_frames_are_converted_in_order_while_they_arrive(make_exr, tmp_path):
    lights = [(step / 20, 0.5, 1 - step / 20) for step in range(1, 20)]
    frames = make_exr(lights)
    with begin_encoding(frames, tmp_path / "film.mp4") as encoding:
        for number in reversed(list(frames.frame_range)):
            encoding.add(number)
        film = encoding.finish()
    assert differ(colours_of(film), [srgb(light) for light in lights]) < 6


def test_cancel_stops_the_conversion(make_exr, tmp_path):
    with pytest.raises(Cancelled):
        encode(make_exr([(0.5, 0.5, 0.5)] * 30), tmp_path / "film.mp4", is_cancelled=lambda: True)
    assert not list(tmp_path.glob("*film*"))


def test_stills_and_thumbnails_look_like_the_film(make_exr, tmp_path):
    frames = make_exr([(0.5, 0.2, 0.05)])
    for picture in (still(frames.path(1), tmp_path / "a.jpg"), thumbnail(frames.path(1), tmp_path / "b.jpg")):
        raw = run_ffmpeg("-i", picture.path, "-vf", "scale=in_range=full", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
        assert differ(np.frombuffer(raw, np.uint8).reshape(36, 64, 3)[18, 32], srgb((0.5, 0.2, 0.05))) < 4
        assert picture.resolution == SIZE


def test_prores_of_scene_linear_light_is_the_same_picture(make_exr, tmp_path):
    film = encode(make_exr([(0.5, 0.2, 0.05)]), tmp_path / "film.mov", output=EDITORIAL)
    assert differ(colours_of(film), [srgb((0.5, 0.2, 0.05))]) < 4


def test_without_openimageio_the_sentence_names_the_extra(make_exr, tmp_path, monkeypatch):
    from ft_dcc.errors import ExtraMissing

    frames = make_exr([(0.5, 0.2, 0.05)])
    monkeypatch.setitem(__import__("sys").modules, "OpenImageIO", None)
    with pytest.raises(ExtraMissing, match=r"Reading OpenEXR.* pip install 'ft-dcc\[colour\]'"):
        encode(frames, tmp_path / "film.mp4")
    # A playblast needs none of it.
    png = attrs.evolve(frames, pattern=str(tmp_path / "b.%04d.png"))
    write_flat(png.path(1), (200, 60, 30), SIZE)
    assert encode(png, tmp_path / "film.mp4").frame_count == 1
