"""Convert images of scene-linear light, or of a named colour space, for a display.

OpenImageIO reads the images and OpenColorIO converts them, in a few threads beside ffmpeg, which gets 16-bit integers
through a pipe.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Callable

import attrs

from ft_dcc import errors, frames
from ft_dcc.files import sequences
from ft_dcc.media import ffmpeg
from ft_dcc.media.inspection import file_integrity, image_channels
from ft_dcc.media.inspection.probe import probe
from ft_dcc.settings import definitions, resolve

# Yields frame numbers and files in order, and waits for files that do not exist yet.
Files = Callable[[Callable[[], bool]], Iterable["tuple[int, Path]"]]
# Files with scene-linear light; all others are made for a display unless a colour space is given.
LINEAR_SUFFIXES = frozenset((".exr",))
BUILT_IN = "ocio://default"
_UNTONED = "Un-tone-mapped"
# More threads would wait for ffmpeg, and each holds a few images in memory.
MAX_WORKERS = min(4, os.cpu_count() or 1)
# Red, green, blue and white as x and y: SMPTE ST 2065-1, Academy S-2014-004, ITU-R BT.709, BT.2020, SMPTE EG 432-1.
_CHROMATICITIES = {
    "ACES2065-1": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "ACEScg": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
    "lin_rec709": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329),
    "lin_rec2020": (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329),
    "lin_p3d65": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329),
}


@attrs.frozen
class ColourOptions:
    """The colour space of images and how they are displayed, as names of an OCIO config; "" for the default.

    In the built-in config, images that are not ACES are shown without tone mapping by default.
    """

    # "display" is that of files that were converted for a display; they are not converted again, unless the config has
    # a space of that name. The default is that of an OpenEXR file's chromaticities, else ``scene_linear`` of the
    # studio's config, else linear light with BT.709 primaries.
    space: str = ""
    # The defaults are the first ones of the config.
    display: str = ""
    view: str = ""
    # A path, or the name of a built-in config ("ocio://default").
    config: str = ""
    # The channels of an OpenEXR file; the default is the first red, green and blue.
    layer: str = ""
    part: str = ""
    stereo_view: str = ""

    @classmethod
    def of_settings(cls, settings: resolve.Settings | None = None) -> ColourOptions:
        """Return the options of the settings ``colour_space``, ``display``, ``view`` and ``ocio``."""
        settings = settings or resolve.read_settings()
        names = ("colour_space", "display", "view", "ocio")
        return cls(*(settings.get(name) or "" for name in names))

    def completed(self, others: ColourOptions) -> ColourOptions:
        """Return these options, with those of others where they are empty."""
        return attrs.evolve(others, **{name: value for name, value in attrs.asdict(self).items() if value})


def converter(suffix: str, colour: ColourOptions | None) -> Converter | None:
    """Return the converter of images with this suffix, or None for images that are made for a display.

    Without ``colour`` the settings apply, to scene-linear files only. Raises SettingInvalid or MissingExtra.
    """
    is_linear = suffix.lower() in LINEAR_SUFFIXES
    if colour is None and is_linear:
        colour = ColourOptions.of_settings()
    return Converter(colour) if colour is not None and (colour.space or is_linear) else None


def refuse_unused(source: str, colour: ColourOptions) -> None:
    """Raise UserFixableError for requested options that have no effect on a file of this kind."""
    name, suffix = os.path.basename(source), os.path.splitext(source)[1].lower()  # noqa: PTH119, PTH122 - a pattern
    if suffix not in sequences.IMAGE_SUFFIXES:
        raise errors.UserFixableError(
            f"{name} is a movie, whose colours are converted by its own tags. Leave out --colour-space, --display, "
            "--view, --layer, --part and --stereo-view, or publish frames."
        )
    if suffix in LINEAR_SUFFIXES:
        return
    if colour.layer or colour.part or colour.stereo_view:
        raise errors.UserFixableError(
            f"{name} has no layers. --layer, --part and --stereo-view are for OpenEXR: leave them out."
        )
    options = [option for option, value in (("--display", colour.display), ("--view", colour.view)) if value]
    if options and not colour.space:
        raise errors.UserFixableError(
            f"{name} is shown unchanged, because its colour space is not known, so {' and '.join(options)} cannot be "
            "applied. Name the colour space of the images with --colour-space, or leave the option out."
        )


def image_size(image: Path, colour: ColourOptions | None = None) -> frames.Resolution:
    """Return the size as the encode reads it; raise ValueMismatch for no image, and what ``probe`` raises."""
    conversion = converter(image.suffix, colour)
    if conversion is not None:
        # ffmpeg does not read OpenEXR files that are deep, or whose RGB is in a layer or in a later part.
        return conversion.size_of(image)
    if image.suffix.lower() not in sequences.IMAGE_SUFFIXES:
        known = ", ".join(sorted(sequences.IMAGE_SUFFIXES))
        raise errors.ValueMismatch("kind of image", found=image.suffix or "none", expected=f"one of {known}")
    return probe(image).resolution


@functools.lru_cache(maxsize=4)
def _read_config(name: str, modified: int) -> Any:
    """Return an OCIO config, read once while its file is unchanged: a folder has thousands of sources.

    Raises SettingInvalid if the file is not a valid config; such a result is not cached.
    """
    import OpenImageIO

    config = OpenImageIO.ColorConfig(name)
    if reason := config.geterror():
        raise errors.SettingInvalid(
            f"{name} is not an OCIO config: {reason.rstrip('.')}. "
            f"Set ocio, or $OCIO, to a file or to a built-in config ({BUILT_IN})."
        )
    return config


def _modified(name: str) -> int:
    with suppress(OSError):
        return os.stat(name).st_mtime_ns  # noqa: PTH116 - the name may be that of a built-in config
    return 0


class Converter:
    """Converts images for a display; raises MissingExtra without OpenImageIO, SettingInvalid for an unknown name."""

    def __init__(self, colour: ColourOptions) -> None:
        try:
            import OpenImageIO
        except ImportError as error:
            raise errors.MissingExtra("colour", "Reading OpenEXR, or converting a colour space,") from error
        self._oiio = OpenImageIO
        self._config_name = colour.config or BUILT_IN
        self._config = _read_config(self._config_name, _modified(self._config_name))
        self._colour = colour
        self._display = colour.display or self._config.getDefaultDisplayName()
        _refuse_unknown("display", self._display, self._config.getDisplayNames())
        if colour.view:
            _refuse_unknown("view", colour.view, self._config.getViewNames(self._display))
        self._is_shown = colour.space == definitions.DISPLAY_COLOURS and not self._knows(colour.space)
        if colour.space and not self._is_shown and not self._knows(colour.space):
            _refuse_unknown("colour space", colour.space, self._config.getColorSpaceNames())

    def piped(self, files: Files, resolution: frames.Resolution, fps: Fraction) -> tuple[list[str], ffmpeg.Feed]:
        """Return ffmpeg's input arguments for its pipe, and the feed that writes the converted images in order."""

        def feed(is_stopped: Callable[[], bool]) -> Generator[ffmpeg.Buffer, None, None]:
            pool = ThreadPoolExecutor(MAX_WORKERS, thread_name_prefix="ft-dcc colour")
            pending: deque[Future[bytes]] = deque()
            try:
                held, job = None, None
                for number, path in files(is_stopped):
                    if job is None or number != held:
                        held, job = number, pool.submit(self.converted, number, path, resolution)
                    pending.append(job)
                    if len(pending) > MAX_WORKERS:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

        arguments = ["-f", "rawvideo", "-pixel_format", "rgb48", "-video_size", str(resolution), "-framerate", str(fps)]
        return [*arguments, "-i", "pipe:0"], feed

    def converted(self, number: int, path: Path, wanted: frames.Resolution) -> bytes:
        """Return the converted image as rows of red, green and blue, 16 bits each.

        Raises FramesMissing for a damaged file, and ValueMismatch for one of another size or without RGB.
        """
        light, space = self._read(number, path)
        full = light.roi_full
        if (full.width, full.height) != (wanted.width, wanted.height):
            raise wrong_size(number, path, found=frames.Resolution(full.width, full.height), wanted=wanted)
        if light.roi != full:
            # The image is the display window; outside of the data window it is black.
            light = self._oiio.ImageBufAlgo.crop(light, full, nthreads=1)
        shown = light
        if not self._is_shown:
            view, config = self._colour.view or self._view_of(space), self._config_name
            shown = self._oiio.ImageBufAlgo.ociodisplay(
                light, self._display, view, space, unpremult=False, colorconfig=config, nthreads=1
            )
        pixels = shown.get_pixels(self._oiio.UINT16)
        if shown.has_error or pixels is None:
            raise errors.SettingInvalid(
                f"{path} cannot be converted from {space}: {shown.geterror()}. Check the OCIO config."
            )
        return bytes(pixels.tobytes())

    def size_of(self, path: Path) -> frames.Resolution:
        """Return the size of an image's display window; raise FramesMissing if it is not an image."""
        image = self._oiio.ImageInput.open(str(path))
        if image is None:
            raise self._unreadable(path)
        spec = image.spec()
        image.close()
        return frames.Resolution(spec.full_width, spec.full_height)

    def _unreadable(self, path: Path) -> errors.FramesMissing:
        # Also when it is not used: OpenImageIO prints errors that were never fetched.
        details, reason = self._oiio.geterror(), file_integrity.read_failure(path)
        if reason is not None:
            return errors.FramesMissing(f"{path} cannot be read: {reason}.")
        return errors.FramesMissing(f"{path} cannot be read as an image: {details}. Render it again.")

    def pixel_aspect_of(self, path: Path) -> Fraction:
        """Return the width of an image's pixels by their height, 1 if it is unknown."""
        image = self._oiio.ImageInput.open(str(path))
        # The encode names a file that cannot be read; OpenImageIO prints errors that were never fetched.
        self._oiio.geterror()
        aspect = 1.0 if image is None else image.spec().get_float_attribute("PixelAspectRatio", 1.0)
        return Fraction(aspect).limit_denominator(1000) if 0.1 <= aspect <= 10 else Fraction(1)

    def _read(self, number: int, path: Path) -> tuple[Any, str]:
        """Return red, green and blue of the image, and its colour space."""
        oiio = self._oiio
        image = oiio.ImageBuf(str(path))
        location = None if image.has_error else self._find_rgb(image)
        if location is None and not image.has_error:
            found = ", ".join(image.spec().channelnames) or "none"
            only = f"only channel {found}" if image.nchannels == 1 else f"no R, G and B, only {found}"
            message = f"Frame {number} ({path.name}) has {only}. Choose a layer with --layer."
            raise errors.ValueMismatch(
                f"set of channels of frame {number}", found=found, expected="R, G and B", message=message
            )
        if location is not None:
            part, channels = location
            first = min(channels)
            image.reset(str(path), part, 0)
            image.read(part, 0, first, max(channels) + 1, True, oiio.FLOAT)
        if image.has_error or not file_integrity.is_whole(path):
            unreadable = file_integrity.read_failure(path)
            if unreadable is not None:
                raise errors.FramesMissing(f"Frame {number} cannot be read: {path}: {unreadable}.", (number,))
            reason = image.geterror() if image.has_error else "its end is missing"
            which = f"Frame {number} is damaged: {path}: {reason.splitlines()[0]}"
            raise errors.FramesMissing(f"{which}. Render it again.", (number,))
        if image.spec().deep:
            image = oiio.ImageBufAlgo.flatten(image, nthreads=1)
        order = tuple(channel - first for channel in channels)
        return oiio.ImageBufAlgo.channels(image, order, ("R", "G", "B"), nthreads=1), self._space_of(image.spec())

    def _find_rgb(self, image: Any) -> tuple[int, tuple[int, ...]] | None:
        parts = []
        for index in range(max(1, image.nsubimages)):
            spec = self._oiio.ImageBuf(image.name, index, 0).spec()
            views = spec.getattribute("multiView") or ()
            views = (views,) if isinstance(views, str) else tuple(views)
            name, view = spec.get_string_attribute("oiio:subimagename"), spec.get_string_attribute("view")
            parts.append(image_channels.Part(index, name, view, tuple(spec.channelnames), views))
        chosen = self._colour
        return image_channels.find_rgb(parts, layer=chosen.layer, part=chosen.part, view=chosen.stereo_view)

    def _space_of(self, spec: Any) -> str:
        """Return the colour space of a file: the given one, else that of its chromaticities, else the default."""
        if self._colour.space:
            return self._colour.space
        chromaticities = spec.getattribute("chromaticities")
        for name, wanted in _CHROMATICITIES.items():
            # Programs round them: the white point of Rec. 709 is also written as 0.31271, 0.32902.
            if not chromaticities or len(chromaticities) != 8 or not self._knows(name):
                continue
            if max(abs(a - b) for a, b in zip(chromaticities, wanted)) < 0.002:
                return name
        is_studio = not self._config_name.startswith("ocio://")
        return "scene_linear" if is_studio and self._knows("scene_linear") else "lin_rec709"

    def _view_of(self, space: str) -> str:
        family = self._config.getColorSpaceFamilyByName(self._config.resolve(space))
        # Camera log ("Input/ARRI") has highlights far above white, which only a tone mapping keeps.
        is_toned = family == "ACES" or family.partition("/")[0] == "Input"
        if not self._config_name.startswith("ocio://") or is_toned:
            return str(self._config.getDefaultViewName(self._display))
        return _UNTONED if _UNTONED in self._config.getViewNames(self._display) else ""

    def _knows(self, space: str) -> bool:
        return bool(self._config.getColorSpaceIndex(self._config.resolve(space)) >= 0)


def wrong_size(number: int, path: Path, *, found: frames.Resolution, wanted: frames.Resolution) -> errors.ValueMismatch:
    """Return the error for a frame whose size differs from that of the others."""
    remedy = "Render all frames at one size."
    return errors.ValueMismatch(f"size of frame {number} ({path.name})", found=found, expected=wanted, remedy=remedy)


def _refuse_unknown(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        hint = errors.nearest_hint(name, known, 0.4)
        raise errors.SettingInvalid(f"The OCIO config has no {what} called {name!r}. {hint}")
