"""Scene-linear light in the movie, compared with values that are computed here.

Plain light goes through the formulas of IEC 61966-2-1 (sRGB) and ITU-R BT.709 by numpy, ACEScg through the Academy's
matrix first. For the film look of ACES the reference is OpenColorIO itself, asked for one pixel.
"""

import os
import struct
from fractions import Fraction

import attrs
import numpy as np
import pytest
from doubles.numbered_images import run_ffmpeg, write_flat

from ft_dcc.errors import Cancelled, FramesMissing, SettingInvalid, UserFixableError, ValueMismatch
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import ColourOptions, encode, image_size, start_live_encode, still, thumbnail
from ft_dcc.media.inspection.image_channels import Part, find_rgb
from ft_dcc.media.ocio import converter

oiio = pytest.importorskip("OpenImageIO", reason="ft-dcc[colour] is not installed")

SIZE = Resolution(64, 36)
# AP1 with the white of ACES to BT.709 with D65, adapted by Bradford's method: Academy TB-2014-004 and SMPTE RP 177.
AP1_TO_BT709 = np.array(
    [[1.7050510, -0.6217921, -0.0832589], [-0.1302564, 1.1408047, -0.0105483], [-0.0240034, -0.1289690, 1.1529724]]
)
AP1 = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
BT709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
AP0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
LIGHTS = [(0.18, 0.18, 0.18), (0.5, 0.2, 0.05), (0.02, 0.6, 0.9), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (6.0, 0.5, 0.1)]


@pytest.fixture(autouse=True)
def no_config_of_a_studio(monkeypatch):
    monkeypatch.delenv("OCIO", raising=False)


@pytest.fixture
def make_exr(tmp_path):
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


def colours_of(movie):
    """Return red, green and blue, 0 to 255, of the centre of each frame, from the levels of the movie."""
    raw = run_ffmpeg("-i", movie.path, "-f", "rawvideo", "-pix_fmt", "yuv444p", "-fps_mode", "passthrough", "-")
    width, height = movie.resolution.width, movie.resolution.height
    planes = np.frombuffer(raw, np.uint8).reshape(-1, 3, height, width)[:, :, height // 2, width // 2].astype(float)
    y, cb, cr = (planes[:, 0] - 16) / 219, (planes[:, 1] - 128) / 224, (planes[:, 2] - 128) / 224
    # ITU-R BT.709-6, section 3, solved for R, G and B.
    red, blue = y + 1.5748 * cr, y + 1.8556 * cb
    return 255 * np.stack([red, (y - 0.2126 * red - 0.0722 * blue) / 0.7152, blue], axis=1)


def srgb(light):
    """Return the sRGB value (IEC 61966-2-1), clipped to the range of the movie."""
    light = np.clip(np.asarray(light, float), 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def converted_by_ocio(light, space, view="ACES 1.0 - SDR Video", config="ocio://default"):
    pixel = oiio.ImageBuf(oiio.ImageSpec(1, 1, 3, "float"))
    pixel.setpixel(0, 0, light)
    shown = oiio.ImageBufAlgo.ociodisplay(pixel, "sRGB - Display", view, space, colorconfig=config)
    return 255 * np.clip(shown.getpixel(0, 0), 0, 1)


def differ(found, wanted):
    # The levels of a movie are integers; one of chroma is a bit more than two of RGB.
    return float(np.abs(np.asarray(found) - np.asarray(wanted)).max())


@pytest.mark.parametrize("depth", ["half", "float"])
def test_exr_without_metadata_gets_the_srgb_curve(make_exr, tmp_path, depth):
    movie = encode(make_exr(LIGHTS, depth=depth), tmp_path / "film.mp4")
    assert differ(colours_of(movie), [srgb(light) for light in LIGHTS]) < 4


def test_frames_in_the_colours_of_a_display_are_not_converted(make_exr, tmp_path):
    shown = [(0.18, 0.18, 0.18), (0.5, 0.2, 0.05), (1.0, 1.0, 1.0), (1.5, -0.5, 0.5)]
    movie = encode(make_exr(shown), tmp_path / "film.mp4", colour=ColourOptions(space="display"))
    assert differ(colours_of(movie), 255 * np.clip(shown, 0, 1)) < 4


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
def test_all_kinds_of_exr_show_the_same(make_exr, tmp_path, kind):
    lights = [(0.5, 0.2, 0.05), (0.02, 0.6, 0.9)]
    if len(kind.get("channels", "")) == 4 and "." in kind["channels"][0]:
        frames = make_exr([(0, 0, 0)] * 2, **kind)
        for number, light in enumerate(lights, 1):
            spec = oiio.ImageSpec(64, 36, 4, "half")
            spec.channelnames = kind["channels"]
            write(frames.path(number), spec, np.full((36, 64, 4), (*light, 7.0), np.float32))
    else:
        frames = make_exr(lights, **kind)
    assert image_size(frames.path(1)) == frames.resolution
    assert differ(colours_of(encode(frames, tmp_path / "film.mp4")), [srgb(light) for light in lights]) < 4


def test_exr_part_with_rgb_is_shown(make_exr, tmp_path):
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
    # ffmpeg reads the first part only.
    assert image_size(frames.path(1)) == SIZE
    assert differ(colours_of(encode(frames, tmp_path / "film.mp4")), [srgb((0.5, 0.2, 0.05))]) < 4


def test_image_size_of_an_unknown_format_is_rejected(tmp_path):
    with pytest.raises(ValueMismatch, match=r"kind of image is \.hdr; expected one of \.bmp, \.cin, \.dpx, \.exr"):
        image_size(tmp_path / "a.0001.hdr")


def test_luminance_is_shown_and_depth_alone_is_rejected(make_exr, tmp_path):
    movie = encode(make_exr([(0, 0, 0)], channels="Y"), tmp_path / "film.mp4")
    assert differ(colours_of(movie), [srgb((0.5, 0.5, 0.5))]) < 3
    with pytest.raises(ValueMismatch, match=r"Frame 1 \(a\.0001\.exr\) has only channel Z\. Choose a layer"):
        encode(make_exr([(0, 0, 0)], channels="Z"), tmp_path / "film.mp4")


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ({"layer": "spec"}, (0, (3, 4, 5))),
        ({"layer": "Z"}, (0, (6, 6, 6))),
        ({"layer": "depth", "part": "1"}, (1, (0, 0, 0))),
        ({"part": "stereo"}, (2, (0, 1, 2))),
        ({"part": "stereo", "view": "right"}, (2, (3, 4, 5))),
        ({"part": "stereo", "view": "left"}, (2, (0, 1, 2))),
        ({"view": "middle"}, (3, (0, 1, 2))),
        ({}, (0, (0, 1, 2))),
    ],
)
def test_layer_part_and_view_choose_the_channels(wanted, place):
    beauty = Part(0, "beauty", "", ("R", "G", "B", "spec.R", "spec.G", "spec.B", "Z"))
    depth = Part(1, "depth", "", ("depth.V",))
    stereo = Part(2, "stereo", "", ("R", "G", "B", "right.R", "right.G", "right.B"), ("left", "right"))
    assert find_rgb((beauty, depth, stereo, Part(3, "middle", "middle", ("R", "G", "B"))), **wanted) == place


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"layer": "difuse"}, "The image has no layer difuse. It has: B, G, R, Z, spec."),
        ({"part": "7"}, "The image has no part 7. It has: beauty."),
        ({"view": "left"}, "The image has no view left. It has: none."),
    ],
)
def test_unknown_layers_parts_and_views_list_what_there_is(wanted, sentence):
    with pytest.raises(UserFixableError) as raised:
        find_rgb([Part(0, "beauty", "", ("R", "G", "B", "spec.R", "Z"))], **wanted)
    assert str(raised.value) == sentence


def test_a_chosen_layer_is_encoded(make_exr, tmp_path):
    frames = make_exr([(0, 0, 0)], channels=["R", "G", "B", "key.R", "key.G", "key.B"])
    movie = encode(frames, tmp_path / "movie.mp4", colour=ColourOptions(layer="key"))
    # The fixture writes 0.5 into channels that it does not know.
    assert differ(colours_of(movie), [srgb((0.5, 0.5, 0.5))]) < 3


def test_camera_log_is_tone_mapped_with_a_built_in_config(make_exr, tmp_path):
    config = "ocio://studio-config-v1.0.0_aces-v1.3_ocio-v2.1"
    frames = make_exr([(0.65, 0.65, 0.65)])
    movie = encode(frames, tmp_path / "movie.mp4", colour=ColourOptions(space="ARRI LogC3 (EI800)", config=config))
    # The value is twice white: clipped without tone mapping.
    assert max(colours_of(movie)[0]) < 254


def test_area_outside_of_the_data_window_is_black(tmp_path):
    frames = Frames(str(tmp_path / "a.%04d.exr"), FrameRange(1, 1), Fraction(24), SIZE)
    spec = oiio.ImageSpec(32, 18, 3, "half")
    spec.x, spec.y, spec.full_width, spec.full_height = 16, 9, 64, 36
    write(frames.path(1), spec, np.full((18, 32, 3), 1.0, np.float32))
    movie = encode(frames, tmp_path / "film.mp4")
    raw = run_ffmpeg("-i", movie.path, "-f", "rawvideo", "-pix_fmt", "gray", "-")
    luma = np.frombuffer(raw, np.uint8).reshape(36, 64)
    assert (luma[18, 4], luma[3, 32], luma[18, 32]) == (0, 0, 255)


def test_data_outside_of_the_display_window_is_cropped(tmp_path):
    frames = Frames(str(tmp_path / "a.%04d.exr"), FrameRange(1, 1), Fraction(24), SIZE)
    spec = oiio.ImageSpec(80, 52, 3, "half")
    spec.x, spec.y, spec.full_x, spec.full_y, spec.full_width, spec.full_height = -8, -8, 0, 0, 64, 36
    pixels = np.zeros((52, 80, 3), np.float32)
    pixels[8:44, 8:72] = 1.0
    write(frames.path(1), spec, pixels)
    movie = encode(frames, tmp_path / "film.mp4")
    assert min(run_ffmpeg("-i", movie.path, "-f", "rawvideo", "-pix_fmt", "gray", "-")) > 250


def test_non_square_pixels_are_scaled_to_square(make_exr, tmp_path):
    frames = make_exr([(0.5, 0.5, 0.5)], PixelAspectRatio=2.0)
    movie = encode(frames, tmp_path / "film.mp4")
    assert str(movie.resolution) == "128x36"
    # The pixel aspect box of an mp4: ISO/IEC 14496-12, section 12.1.4.
    assert b"pasp" + struct.pack(">II", 1, 1) in movie.path.read_bytes()
    images = (thumbnail(frames.path(1), tmp_path / "a.jpg"), thumbnail(movie.path, tmp_path / "b.jpg"))
    assert [str(image.resolution) for image in images] == ["128x36", "128x36"]


def test_nan_and_infinity_are_clipped(make_exr, tmp_path):
    frames = make_exr([(float("inf"), float("inf"), float("inf")), (float("nan"), 0.5, 0.5)])
    (white, other) = colours_of(encode(frames, tmp_path / "film.mp4"))
    assert differ(white, (255, 255, 255)) < 3
    assert np.isfinite(other).all()


@pytest.mark.parametrize("options", [{"colour": ColourOptions(space="ACEScg", view="Un-tone-mapped")}, {}])
def test_acescg_is_converted_to_bt709_primaries(make_exr, tmp_path, options, monkeypatch):
    if not options:
        monkeypatch.setenv("FT_DCC_COLOUR_SPACE", "ACEScg")
        monkeypatch.setenv("FT_DCC_VIEW", "Un-tone-mapped")
    movie = encode(make_exr(LIGHTS), tmp_path / "film.mp4", **options)
    assert differ(colours_of(movie), [srgb(AP1_TO_BT709 @ light) for light in LIGHTS]) < 4


@pytest.mark.parametrize(
    ("options", "space"),
    [
        ({"colour": ColourOptions(space="ACEScg")}, "ACEScg"),
        ({"colour": ColourOptions(space="scene_linear")}, "ACEScg"),
        ({"colour": ColourOptions(space="ACES2065-1")}, "ACES2065-1"),
    ],
)
def test_aces_uses_its_own_view(make_exr, tmp_path, options, space):
    movie = encode(make_exr(LIGHTS), tmp_path / "film.mp4", **options)
    assert differ(colours_of(movie), [converted_by_ocio(light, space) for light in LIGHTS]) < 4


@pytest.mark.parametrize(("chromaticities", "space"), [(AP1, "ACEScg"), (AP0, "ACES2065-1"), (BT709, "")])
def test_colour_space_is_detected_by_chromaticities(make_exr, tmp_path, chromaticities, space):
    movie = encode(make_exr(LIGHTS, chromaticities=chromaticities), tmp_path / "film.mp4")
    wanted = [converted_by_ocio(light, space) if space else srgb(light) for light in LIGHTS]
    assert differ(colours_of(movie), wanted) < 4


@pytest.mark.parametrize("name", ["a.%04d.png", "a.%04d.tif", "a.%04d.dpx"])
def test_any_image_may_have_a_named_colour_space(make_exr, tmp_path, name):
    encoded = [(0.41, 0.41, 0.41), (0.5, 0.35, 0.2)]
    frames = make_exr(encoded, name=name, depth="uint16")
    movie = encode(frames, tmp_path / "film.mp4", colour=ColourOptions(space="ACEScct"))
    assert differ(colours_of(movie), [converted_by_ocio(value, "ACEScct") for value in encoded]) < 4
    # The setting applies to OpenEXR only: a playblast in the same project is unchanged.
    assert differ(colours_of(encode(frames, tmp_path / "plain.mp4")), 255 * np.array(encoded)) < 4


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
def test_studio_config_is_used(make_exr, tmp_path, monkeypatch, variable, view, wanted):
    (tmp_path / "studio.ocio").write_text(STUDIO, encoding="utf-8")
    monkeypatch.setenv(variable, str(tmp_path / "studio.ocio"))
    if view:
        monkeypatch.setenv("FT_DCC_VIEW", view)
    assert differ(colours_of(encode(make_exr([(0.8, 0.4, 0.2)]), tmp_path / "film.mp4")), [wanted]) < 4


@pytest.mark.parametrize(
    ("colour", "sentence"),
    [
        (ColourOptions(space="ACESgc"), r"no colour space called 'ACESgc'\. Did you mean ACEScg"),
        (ColourOptions(view="ACES"), "no view called 'ACES'"),
        (ColourOptions(display="sRGB"), r"no display called 'sRGB'\. Did you mean sRGB - Display"),
        (ColourOptions(config="/nowhere/studio.ocio"), "studio.ocio is not an OCIO config"),
    ],
)
def test_unknown_name_of_the_config_is_rejected_before_the_encode(make_exr, tmp_path, colour, sentence):
    with pytest.raises(SettingInvalid, match=sentence):
        encode(make_exr([(0, 0, 0)]), tmp_path / "film.mp4", colour=colour)


def test_a_changed_config_is_read_again(tmp_path):
    config = tmp_path / "studio.ocio"
    config.write_text(STUDIO, encoding="utf-8")
    converter(".exr", ColourOptions(config=str(config), view="half"))
    config.write_text(STUDIO.replace("name: half", "name: most"), encoding="utf-8")
    os.utime(config, (1, 1))
    converter(".exr", ColourOptions(config=str(config), view="most"))
    with pytest.raises(SettingInvalid, match="no view called 'half'"):
        converter(".exr", ColourOptions(config=str(config), view="half"))


@pytest.mark.parametrize(
    ("kept", "kind"), [(0.2, {}), (0.98, {"tile": 16}), (0.2, {"tile": 16}), (0.98, {"compression": "piz"})], ids=str
)
def test_damaged_exr_is_named_by_its_number(make_exr, tmp_path, kept, kind):
    frames = make_exr([(0.1, 0.2, 0.3)] * 6, depth="float", **{"compression": "none", **kind})
    content = frames.path(4).read_bytes()
    frames.path(4).write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(FramesMissing, match="Frame 4 is damaged") as raised:
        encode(frames, tmp_path / "film.mp4")
    assert raised.value.missing == (4,)
    with start_live_encode(frames, tmp_path / "film.mp4") as encoding:
        for number in frames.frame_range:
            encoding.add(number)
        with pytest.raises(FramesMissing, match="Frame 4 is damaged"):
            encoding.finish()
    assert not list(tmp_path.glob("*film*"))


def test_flipped_bits_in_an_exr_are_detected(make_exr, tmp_path):
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


def test_text_file_and_wrong_size_are_rejected(make_exr, tmp_path):
    frames = make_exr([(0.1, 0.2, 0.3)] * 3)
    good = frames.path(2).read_bytes()
    frames.path(2).write_text("Error: no licence")
    with pytest.raises(FramesMissing, match="Frame 2 is damaged"):
        encode(frames, tmp_path / "film.mp4")
    frames.path(2).write_bytes(good)
    write(frames.path(3), oiio.ImageSpec(80, 36, 3, "half"), np.zeros((36, 80, 3), np.float32))
    with pytest.raises(ValueMismatch, match=r"size of frame 3 \(a.0003.exr\) is 80x36; expected 64x36"):
        encode(frames, tmp_path / "film.mp4")


def test_live_encode_converts_frames_in_order(make_exr, tmp_path):
    lights = [(step / 20, 0.5, 1 - step / 20) for step in range(1, 20)]
    frames = make_exr(lights)
    with start_live_encode(frames, tmp_path / "film.mp4") as encoding:
        for number in reversed(list(frames.frame_range)):
            encoding.add(number)
        movie = encoding.finish()
    assert differ(colours_of(movie), [srgb(light) for light in lights]) < 6


def test_cancel_stops_the_conversion(make_exr, tmp_path):
    with pytest.raises(Cancelled):
        encode(make_exr([(0.5, 0.5, 0.5)] * 30), tmp_path / "film.mp4", is_cancelled=lambda: True)
    assert not list(tmp_path.glob("*film*"))


def test_stills_and_thumbnails_match_the_movie(make_exr, tmp_path):
    frames = make_exr([(0.5, 0.2, 0.05)])
    for image in (still(frames.path(1), tmp_path / "a.jpg"), thumbnail(frames.path(1), tmp_path / "b.jpg")):
        raw = run_ffmpeg("-i", image.path, "-vf", "scale=in_range=full", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
        assert differ(np.frombuffer(raw, np.uint8).reshape(36, 64, 3)[18, 32], srgb((0.5, 0.2, 0.05))) < 4
        assert image.resolution == SIZE


def test_missing_openimageio_names_the_extra(make_exr, tmp_path, monkeypatch):
    from ft_dcc.errors import MissingExtra

    frames = make_exr([(0.5, 0.2, 0.05)])
    monkeypatch.setitem(__import__("sys").modules, "OpenImageIO", None)
    with pytest.raises(MissingExtra, match=r"Reading OpenEXR.* pip install \"ft-dcc\[colour\]\""):
        encode(frames, tmp_path / "film.mp4")
    # A playblast does not need OpenImageIO.
    png = attrs.evolve(frames, pattern=str(tmp_path / "b.%04d.png"))
    write_flat(png.path(1), (200, 60, 30), SIZE)
    assert encode(png, tmp_path / "film.mp4").frame_count == 1
