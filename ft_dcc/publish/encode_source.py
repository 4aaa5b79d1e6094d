"""Encode a source: frames, frames that are still being captured, or a movie."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Callable

import attrs

from ft_dcc import media
from ft_dcc.frames import Frames
from ft_dcc.host import Host, SupportsMixdown, find_host_of
from ft_dcc.media import ColourOptions, EncodedFile, LiveEncode, Output, Sound, presets
from ft_dcc.publish import burnin_values, progress, slots
from ft_dcc.publish.pipeline.pyblish_adapter import Instance

# The sound of the scene in the folder of the source's files.
_MIXDOWN = "mixdown.wav"

# By the names of the setting ``outputs``.
OUTPUT_BY_NAME = {
    "720": presets.REVIEW_720,
    "1080": presets.REVIEW_1080,
    "1440": presets.REVIEW_1440,
    "2160": presets.REVIEW_2160,
    "prores": presets.EDITORIAL,
}


def media_folder(instance: Instance) -> Path:
    """Return the folder of this source's files in the job folder, created if missing."""
    return slots.JOB.get(instance.context).media_folder(slots.NUMBER.get(instance))


def progress_of_frames(instance: Instance, step: str, total: int) -> Callable[[int], None]:
    """Return a callback for each finished frame of a step; it raises Cancelled after a cancel."""
    reporter, source = slots.PROGRESS.get(instance.context), slots.SOURCE.get(instance).name
    done = 0

    def count(_frame: int) -> None:
        nonlocal done
        done += 1
        reporter.report(progress.Progress(step, source, done, total, "frames"))

    return count


def make_movie(instance: Instance, output: Output) -> EncodedFile:
    """Encode the source's frames or its movie; raise what ``media.encode`` and ``media.transcode`` raise."""
    live_encode = (slots.LIVE_ENCODES.find(instance) or {}).pop(output.component_name, None)
    if live_encode is not None:
        return live_encode.finish()
    path, options, frames = _path(instance, output), _options(instance, output), slots.FRAMES.find(instance)
    if frames is not None:
        return media.encode(frames, path, colour=colour_of(instance), fill_missing=_fill_missing(instance), **options)
    movie, first = Path(slots.SOURCE.get(instance).text), slots.CLIP.get(instance).frame_range.with_handles.start
    return media.transcode(movie, path, info=slots.MOVIE_INFO.get(instance), first_frame=first, **options)


def make_contact_sheet(instance: Instance) -> EncodedFile:
    """Make a contact sheet of the source; raise what ``media.contact_sheet`` raises."""
    path, frames = media_folder(instance) / "contact-sheet.jpg", slots.FRAMES.find(instance)
    marks, cancel = marks_of(instance), slots.PROGRESS.get(instance.context).cancel.is_set
    if frames is not None:
        return media.contact_sheet(
            frames,
            path,
            marks=marks,
            colour=colour_of(instance),
            fill_missing=_fill_missing(instance),
            is_cancelled=cancel,
        )
    movie, first = Path(slots.SOURCE.get(instance).text), slots.CLIP.get(instance).frame_range.with_handles.start
    info = slots.MOVIE_INFO.get(instance)
    return media.contact_sheet_of_movie(movie, path, info=info, first_frame=first, marks=marks, is_cancelled=cancel)


def marks_of(instance: Instance) -> media.Burnin:
    """Return the parts of the burn-in that single images have, too: the watermark and the letterbox."""
    return attrs.evolve(burnin_values.burnin_of(instance), corners={}, slate=())


def _fill_missing(instance: Instance) -> bool:
    return bool(slots.REQUEST.get(instance.context).fill_missing)


def start_live_encodes(instance: Instance, frames: Frames) -> dict[str, LiveEncode]:
    """Start the encodes of frames that do not exist yet, and return them by component name."""
    wanted, colour = slots.REQUEST.get(instance.context).outputs or (), colour_of(instance)
    return {
        output.component_name: media.start_live_encode(
            frames, _path(instance, output), colour=colour, **_options(instance, output)
        )
        for output in (presets.REVIEW, *(OUTPUT_BY_NAME[name] for name in wanted if name in OUTPUT_BY_NAME))
    }


def stop_live_encodes(instance: Instance) -> None:
    """Cancel the encodes of the instance that run in the background."""
    live_encodes = slots.LIVE_ENCODES.find(instance) or {}
    while live_encodes:
        live_encodes.popitem()[1].cancel()


def colour_of(instance: Instance) -> ColourOptions | None:
    """Return the colour options of the request or of the source, None if neither has any."""
    return slots.REQUEST.get(instance.context).colour or slots.SOURCE.get(instance).colour


def _path(instance: Instance, output: Output) -> Path:
    return media_folder(instance) / f"{output.component_name}{'.mov' if output is presets.EDITORIAL else '.mp4'}"


def _thumbnail_path(instance: Instance) -> Path | None:
    """Return the path of the thumbnail that the encode is to make, None if marks are to be drawn on it."""
    return None if marks_of(instance).is_drawn else media_folder(instance) / "thumbnail.jpg"


def _options(instance: Instance, output: Output) -> dict[str, Any]:
    """Return the options that ``encode``, ``transcode`` and ``start_live_encode`` share."""
    step = "encode" if output is presets.REVIEW else f"encode {output.component_name}"
    return {
        "output": output,
        "burnin": burnin_values.burnin_of(instance),
        "sounds": sounds_of(instance),
        "thumbnail": _thumbnail_path(instance) if output is presets.REVIEW else None,
        # The movie also has a frame for each one that a step leaves out.
        "on_frame": progress_of_frames(
            instance, step, len(slots.CLIP.get(instance).frame_range.with_handles.every_frame)
        ),
        "is_cancelled": slots.PROGRESS.get(instance.context).cancel.is_set,
    }


def write_mixdown(instance: Instance, host: Host) -> None:
    """Let the host mix the sound of its scene, if it can, to a file that ``sounds_of`` uses."""
    path, frame_range = media_folder(instance) / _MIXDOWN, slots.CLIP.get(instance).frame_range
    with suppress(FileNotFoundError):
        path.unlink()
    own = find_host_of(host, slots.SOURCE.get(instance).text)
    if isinstance(own, SupportsMixdown) and slots.REQUEST.get(instance.context).scene_sound:
        mix: Callable[[], bool] = partial(own.mixdown, frame_range, path)
        host.run_in_main_thread(mix)


def sounds_of(instance: Instance) -> list[Sound]:
    """Return the request's sounds and, for a camera, the sounds of its scene."""
    scene, clip = slots.SCENE.find(instance.context), slots.CLIP.find(instance)
    # ValidateSound may run for a source whose clip could not be collected.
    first = 0 if clip is None else clip.frame_range.with_handles.start
    request = slots.REQUEST.get(instance.context)
    requested = [Sound.parse(text, first) for text in request.sounds]
    source = slots.SOURCE.get(instance)
    if scene is None or source.kind != "camera" or not request.scene_sound:
        return requested
    mixdown = media_folder(instance) / _MIXDOWN
    if mixdown.is_file():
        return [Sound(mixdown, Fraction(first)), *requested]
    return [*(Sound(**attrs.asdict(track)) for track in scene.of(source.text).sounds), *requested]
