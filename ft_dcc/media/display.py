"""Pictures of scene-linear light, or of any named colour space, as a display shows them.

OpenImageIO reads them and OpenColorIO converts them, in a few threads beside the ffmpeg that encodes; what it gets are
integers of 16 bits, through a pipe.
"""

from __future__ import annotations

import difflib
import os
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any, Callable

import attrs

from ft_dcc.config import read_settings
from ft_dcc.errors import ExtraMissing, FramesMissing, Invalid, SettingInvalid
from ft_dcc.frames import IMAGE_SUFFIXES, Resolution
from ft_dcc.media import container
from ft_dcc.media.ffmpeg import Buffer, Feed
from ft_dcc.media.probe import probe

# Hands out numbers and files one after the other, and waits for those that are not there yet.
Files = Callable[[Callable[[], bool]], Iterable["tuple[int, Path]"]]
# Files that hold scene-linear light; all others are made for a display, unless somebody says otherwise.
LINEAR_SUFFIXES = frozenset((".exr",))
BUILT_IN = "ocio://default"
_UNTONED = "Un-tone-mapped"
# More would only wait for the one ffmpeg, and each holds a few pictures in memory.
_WORKERS = min(4, os.cpu_count() or 1)
# Red, green, blue and white as x and y: SMPTE ST 2065-1, Academy S-2014-004, ITU-R BT.709, BT.2020, SMPTE EG 432-1.
_CHROMATICITIES = {
    "ACES2065-1": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "ACEScg": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
    "lin_rec709": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329),
    "lin_rec2020": (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329),
    "lin_p3d65": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329),
}


@attrs.frozen
class Colour:
    """What the numbers in images mean, and how they are shown: names of an OCIO config, each empty if nobody says.

    Without a ``space`` an OpenEXR file may say it by its chromaticities; else it is the ``scene_linear`` of the
    studio's config, and without such a config linear light of BT.709's primaries. Without a ``display`` or a ``view``
    the config's own first ones are taken; only what is not ACES goes through the built-in config without a film look.
    ``config`` is a path, or the name of a built-in config as "ocio://default".
    """

    space: str = ""
    display: str = ""
    view: str = ""
    config: str = ""

    @classmethod
    def of_settings(cls) -> Colour:
        """Return the colour of the settings ``colour_space``, ``display``, ``view`` and ``ocio``."""
        settings = read_settings()
        names = ("colour_space", "display", "view", "ocio")
        return cls(*(settings.get(name) or "" for name in names))


def converter(suffix: str, colour: Colour | None) -> Converter | None:
    """Return what converts images of this kind, or None for those that are made for a display.

    Without a ``colour`` the settings say it, and that for scene-linear files only. Raises SettingInvalid, ExtraMissing.
    """
    is_linear = suffix.lower() in LINEAR_SUFFIXES
    if colour is None and is_linear:
        colour = Colour.of_settings()
    return Converter(colour) if colour is not None and (colour.space or is_linear) else None


def picture_size(image: Path, colour: Colour | None = None) -> Resolution:
    """Return the size of an image, as whatever will film it reads it.

    Raises Invalid for a kind that is no image's, and what ``converter`` and ``probe`` raise.
    """
    conversion = converter(image.suffix, colour)
    if conversion is not None:
        # ffmpeg does not read OpenEXR that is deep, or has its colours in a layer or behind another part.
        return conversion.size_of(image)
    if image.suffix.lower() not in IMAGE_SUFFIXES:
        known = ", ".join(sorted(IMAGE_SUFFIXES))
        raise Invalid("kind of image", found=image.suffix or "none", wanted=f"one of {known}")
    return probe(image).resolution


class Converter:
    """Reads images and converts them for a display, several at once.

    Raises ExtraMissing without OpenImageIO, and SettingInvalid for a config or a name in it that there is none of.
    """

    def __init__(self, colour: Colour) -> None:
        try:
            import OpenImageIO
        except ImportError as error:
            raise ExtraMissing("colour", "Reading OpenEXR, or converting a colour space,") from error
        self._oiio = OpenImageIO
        self._config_name = colour.config or BUILT_IN
        self._config = OpenImageIO.ColorConfig(self._config_name)
        if reason := self._config.geterror():
            raise SettingInvalid(
                f"{self._config_name} is no OCIO config: {reason.rstrip('.')}. "
                f"Set ocio, or $OCIO, to a file, or to a built-in one as {BUILT_IN}."
            )
        self._colour = colour
        self._display = colour.display or self._config.getDefaultDisplayName()
        _refuse_unknown("display", self._display, self._config.getDisplayNames())
        if colour.view:
            _refuse_unknown("view", colour.view, self._config.getViewNames(self._display))
        if colour.space and not self._knows(colour.space):
            _refuse_unknown("colour space", colour.space, self._config.getColorSpaceNames())

    def piped(self, files: Files, resolution: Resolution, fps: Fraction) -> tuple[list[str], Feed]:
        """Return ffmpeg's arguments for reading the pictures from a pipe, and what writes them into it, in order."""

        def feed(is_stopped: Callable[[], bool]) -> Generator[Buffer, None, None]:
            pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="ft-dcc colour")
            pending: deque[Future[bytes]] = deque()
            try:
                held, job = None, None
                for number, path in files(is_stopped):
                    if job is None or number != held:
                        held, job = number, pool.submit(self.converted, number, path, resolution)
                    pending.append(job)
                    if len(pending) > _WORKERS:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

        form = ["-f", "rawvideo", "-pixel_format", "rgb48", "-video_size", str(resolution), "-framerate", str(fps)]
        return [*form, "-i", "pipe:0"], feed

    def converted(self, number: int, path: Path, wanted: Resolution) -> bytes:
        """Return the picture of a frame as rows of red, green and blue, 16 bits each.

        Raises FramesMissing for a file that is damaged, and Invalid for one of another size or without colours.
        """
        light, space = self._read(number, path)
        full = light.roi_full
        if (full.width, full.height) != (wanted.width, wanted.height):
            raise wrong_size(number, path, found=Resolution(full.width, full.height), wanted=wanted)
        if light.roi != full:
            # The picture is what the display window shows; outside of the data it is black.
            light = self._oiio.ImageBufAlgo.crop(light, full, nthreads=1)
        shown = self._oiio.ImageBufAlgo.ociodisplay(
            light,
            self._display,
            self._colour.view or self._view_of(space),
            space,
            unpremult=False,
            colorconfig=self._config_name,
            nthreads=1,
        )
        pixels = shown.get_pixels(self._oiio.UINT16)
        if shown.has_error or pixels is None:
            raise SettingInvalid(f"{path} cannot be converted from {space}: {shown.geterror()}. Check the OCIO config.")
        return bytes(pixels.tobytes())

    def size_of(self, path: Path) -> Resolution:
        """Return the size of an image's display window; raises FramesMissing for what is none."""
        image = self._oiio.ImageInput.open(str(path))
        if image is None:
            raise FramesMissing(f"{path} is no image that can be read: {self._oiio.geterror()}. Render it again.")
        with_size = image.spec()
        image.close()
        return Resolution(with_size.full_width, with_size.full_height)

    def pixel_aspect_of(self, path: Path) -> Fraction:
        """Return how wide the pixels of an image are by their height; 1 where nobody can say."""
        image = self._oiio.ImageInput.open(str(path))
        said = 1.0 if image is None else image.spec().get_float_attribute("PixelAspectRatio", 1.0)
        return Fraction(said).limit_denominator(1000) if 0.1 <= said <= 10 else Fraction(1)

    def _read(self, number: int, path: Path) -> tuple[Any, str]:
        """Return red, green and blue of the picture, and the colour space that they are in."""
        oiio = self._oiio
        image = oiio.ImageBuf(str(path))
        place = None if image.has_error else self._colours_of(image)
        if place is None and not image.has_error:
            found = ", ".join(image.spec().channelnames) or "none"
            raise Invalid(f"set of channels of frame {number} ({path.name})", found=found, wanted="R, G and B")
        if place is not None:
            part, channels = place
            first = min(channels)
            image.reset(str(path), part, 0)
            image.read(part, 0, first, max(channels) + 1, True, oiio.FLOAT)
        if image.has_error or not container.is_whole(path):
            reason = image.geterror() if image.has_error else "its end is missing"
            which = f"Frame {number} is damaged: {path}: {reason.splitlines()[0]}"
            raise FramesMissing(f"{which}. Render again.", (number,))
        if image.spec().deep:
            image = oiio.ImageBufAlgo.flatten(image, nthreads=1)
        order = tuple(channel - first for channel in channels)
        return oiio.ImageBufAlgo.channels(image, order, ("R", "G", "B"), nthreads=1), self._space_of(image.spec())

    def _colours_of(self, image: Any) -> tuple[int, tuple[int, ...]] | None:
        """Return the part that holds the picture, and which of its channels are red, green and blue."""
        parts = []
        for part in range(max(1, image.nsubimages)):
            parts.append(list(self._oiio.ImageBuf(image.name, part, 0).spec().channelnames))
        for find in (_plain_colours, _layer_colours, _grey):
            for part, names in enumerate(parts):
                if (channels := find(names)) is not None:
                    return part, channels
        return None

    def _space_of(self, spec: Any) -> str:
        """The colour space of a file: what was said, else what it says, else what such files mean."""
        if self._colour.space:
            return self._colour.space
        said = spec.getattribute("chromaticities")
        for name, wanted in _CHROMATICITIES.items():
            # Programs round them: Rec.709's white is also written 0.3127, 0.3290 and 0.31271, 0.32902.
            if said and len(said) == 8 and max(abs(a - b) for a, b in zip(said, wanted)) < 0.002 and self._knows(name):
                return name
        is_studio = not self._config_name.startswith("ocio://")
        return "scene_linear" if is_studio and self._knows("scene_linear") else "lin_rec709"

    def _view_of(self, space: str) -> str:
        is_aces = self._config.getColorSpaceFamilyByName(self._config.resolve(space)) == "ACES"
        if not self._config_name.startswith("ocio://") or is_aces:
            return str(self._config.getDefaultViewName(self._display))
        return _UNTONED if _UNTONED in self._config.getViewNames(self._display) else ""

    def _knows(self, space: str) -> bool:
        return bool(self._config.getColorSpaceIndex(self._config.resolve(space)) >= 0)


def wrong_size(number: int, path: Path, *, found: Resolution, wanted: Resolution) -> Invalid:
    """Return the error for a frame that is not of the size of the others."""
    remedy = "Render all frames at one size."
    return Invalid(f"size of frame {number} ({path.name})", found=found, wanted=wanted, remedy=remedy)


def _plain_colours(names: Sequence[str]) -> tuple[int, ...] | None:
    return _colours_called(names, "")


def _layer_colours(names: Sequence[str]) -> tuple[int, ...] | None:
    """The first layer that has them: "beauty.R", "beauty.G", "beauty.B"."""
    layers = (name.rpartition(".")[0] for name in names)
    found = (_colours_called(names, f"{layer}.") for layer in layers)
    return next((channels for channels in found if channels is not None), None)


def _colours_called(names: Sequence[str], before: str) -> tuple[int, ...] | None:
    """As the format has it, as some renderers, and as Nuke writes its layers."""
    words = (("R", "G", "B"), ("r", "g", "b"), ("red", "green", "blue"))
    found = (_indices(names, tuple(before + word for word in three)) for three in words)
    return next((channels for channels in found if channels is not None), None)


def _grey(names: Sequence[str]) -> tuple[int, ...] | None:
    """Luminance alone, which is all three."""
    return next(((names.index(name),) * 3 for name in ("Y", "y", "I", "L") if name in names), None)


def _indices(names: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...] | None:
    return tuple(names.index(name) for name in wanted) if set(wanted) <= set(names) else None


def _refuse_unknown(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.4)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
        raise SettingInvalid(f"The OCIO config has no {what} called {name!r}. {hint}")
