"""Validators of what is encoded: sound, colour and options of the source, and the encoder itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from ft_dcc import errors
from ft_dcc.media import ffmpeg, ocio
from ft_dcc.publish import encode_source, models, slots
from ft_dcc.publish.pipeline.pyblish_adapter import VALIDATOR, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.settings import resolve
from ft_dcc.settings.publish_options import OPTIONS


class ValidateSound(InstancePlugin):
    """Check that the sounds of the scene and of the request can be decoded."""

    order = VALIDATOR
    label = "Sound"
    families: ClassVar[list[str]] = ["camera", "frames", "film"]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError for a sound that is missing or cannot be read."""
        for sound in encode_source.sounds_of(instance):
            sound.refuse_unreadable()


class ValidateStill(InstancePlugin):
    """Check that no option of movies is requested for a single image, and that it has the requested size."""

    order = VALIDATOR
    label = "Still"
    families: ClassVar[list[str]] = ["image"]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError for a sound, frames, a slate or an output; those of the settings are left out.

        Raises ValueMismatch for another size than the requested one. The size of the shot is that of its frames.
        """
        request = slots.REQUEST.get(instance.context)
        options = list(_options_of_movies(request))
        if options:
            name = Path(slots.SOURCE.get(instance).text).name
            raise errors.UserFixableError(
                f"{name} is a single image, so {', '.join(options)} cannot be applied. Leave it out, or give frames as "
                "name.%04d.png."
            )
        found, expected = slots.CLIP.get(instance).resolution, request.resolution
        if expected is not None and found != expected:
            message = f"The image is {found}; expected {expected}. --resolution checks and does not scale."
            raise errors.ValueMismatch("resolution", found=found, expected=expected, message=message)


def _options_of_movies(request: models.PublishRequest) -> Iterator[str]:
    """Yield the requested options that need a movie, as they are written on the command line."""
    settings = resolve.read_settings()
    for name, option in OPTIONS.items():
        value, setting = getattr(request, name), option.setting
        if not option.needs_movie or not value:
            continue
        if setting is None or setting.is_boolean:
            if setting is None or settings.get(setting.name) != "true":
                yield f"--{option.flag}"
        else:
            yield from (f"--{option.flag} {each}" for each in value if each not in settings.items(setting.name))


class ValidateMovieColour(InstancePlugin):
    """Check that no colour space is requested for a movie."""

    order = VALIDATOR
    label = "Colour"
    families: ClassVar[list[str]] = ["film"]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError: a movie is converted by its own tags."""
        colour = slots.REQUEST.get(instance.context).colour
        if colour is not None:
            ocio.refuse_unused(slots.SOURCE.get(instance).text, colour)


class ValidateColour(InstancePlugin):
    """Check that the source's colour space can be converted."""

    order = VALIDATOR
    label = "Colour"
    families: ClassVar[list[str]] = ["frames", "image"]

    def process(self, instance: Instance) -> None:
        """Raise SettingInvalid for an unknown config or name, MissingExtra if the converter is not installed.

        Raises UserFixableError for requested options that have no effect on the files.
        """
        requested = slots.REQUEST.get(instance.context).colour
        if requested is not None:
            ocio.refuse_unused(slots.SOURCE.get(instance).text, requested)
        ocio.converter(Path(slots.SOURCE.get(instance).text).suffix, encode_source.colour_of(instance))


class ValidateEncoder(ContextPlugin):
    """Check that ffmpeg is installed and runs."""

    order = VALIDATOR
    label = "Encoder"

    def process(self, context: Context) -> None:
        """Set ENCODER to ffmpeg's version; raise MissingExtra, SettingInvalid or EncodeFailed."""
        slots.ENCODER.set(context, ffmpeg.version())
