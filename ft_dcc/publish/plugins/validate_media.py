"""Validators of what is encoded: sound, colour and options of the source, and the encoder itself."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ft_dcc import errors
from ft_dcc.media import encoders, ffmpeg, ocio
from ft_dcc.publish import encode_source, slots
from ft_dcc.publish.pipeline.pyblish_adapter import REVIEW, VALIDATOR, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.settings import publish_options, resolve


class ValidateSound(InstancePlugin):
    """Check that the sounds of the scene and of the request can be decoded."""

    order = VALIDATOR
    label = "Sound"
    families: ClassVar[list[str]] = ["camera", "frames", "film"]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError for a sound that is missing or cannot be read."""
        for sound in encode_source.sounds_of(instance):
            sound.refuse_unreadable()


class ValidateThumbnail(InstancePlugin):
    """Check that the requested thumbnail is a frame of the source, or an image file."""

    order = VALIDATOR
    label = "Thumbnail"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError for another frame, and FramesMissing or MovieUnreadable for a file."""
        request, frames = slots.REQUEST.get(instance.context), slots.CLIP.get(instance).frame_range.with_handles
        number, name = request.thumbnail_frame, slots.SOURCE.get(instance).name
        if number is not None and number not in frames:
            message = f"{name} has the frames {frames}, so frame {number} cannot be its thumbnail. Choose another one."
            raise errors.UserFixableError(message)
        if request.thumbnail and number is None:
            ocio.image_size(Path(request.thumbnail))


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
        options, settings = [], resolve.read_settings()
        for name, option in publish_options.OPTIONS.items():
            value, setting = getattr(request, name), option.setting
            if not option.needs_movie or not value:
                continue
            # As they are written on the command line.
            if setting is None or (setting.is_boolean and settings.get(setting.name) != "true"):
                options.append(f"--{option.flag}")
            elif not setting.is_boolean:
                values = [value] if isinstance(value, str) else value
                options += [f"--{option.flag} {each}" for each in values if each not in settings.items(setting.name)]
        if options:
            name = Path(slots.SOURCE.get(instance).text).name
            raise errors.UserFixableError(
                f"{name} is a single image, so {', '.join(options)} cannot be applied. Leave it out, or give frames as "
                "name.%04d.png."
            )
        found, expected = slots.CLIP.get(instance).resolution, request.resolution
        if expected is not None and found != expected:
            message, accepting = f"The image is {found}; expected {expected}. It is not scaled.", f"resolution {found}"
            raise errors.ValueMismatch("resolution", found=found, expected=expected, message=message, option=accepting)


class ValidateColour(InstancePlugin):
    """Check that the source's colour space can be converted; a movie is converted by its own tags."""

    order = VALIDATOR
    label = "Colour"
    families: ClassVar[list[str]] = ["frames", "film", "image"]

    def process(self, instance: Instance) -> None:
        """Raise SettingInvalid or MissingExtra, and UserFixableError for options that have no effect on the files."""
        source, requested = slots.SOURCE.get(instance), slots.REQUEST.get(instance.context).colour
        if requested is not None:
            ocio.refuse_unused(source.text, requested)
        if source.kind != "film":
            ocio.converter(Path(source.text).suffix, encode_source.colour_of(instance))


class ValidateOutputs(InstancePlugin):
    """Check that the codecs of the outputs have the size and the rate of the source."""

    order = VALIDATOR
    label = "Outputs"
    families: ClassVar[list[str]] = ["camera", "frames", "film"]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError."""
        clip = slots.CLIP.get(instance)
        for output in encode_source.outputs_of(instance):
            output.refuse_unfit(clip.resolution, clip.fps)


class ValidateEncoder(ContextPlugin):
    """Check that ffmpeg is installed, runs, and encodes H.264 if movies are made."""

    order = VALIDATOR
    label = "Encoder"

    def process(self, context: Context) -> None:
        """Set ENCODER to ffmpeg's version; raise MissingExtra, SettingInvalid or EncodeFailed."""
        slots.ENCODER.set(context, ffmpeg.version())
        kinds = {source.kind for source in map(slots.SOURCE.find, context) if source is not None}
        if kinds - {"image"} and not encoders.has_x264():
            # Its result is kept; without x264 the publish may be impossible.
            encoders.choose(slots.JOB.get(context).folder, slots.PROGRESS.get(context).cancel.is_set)
