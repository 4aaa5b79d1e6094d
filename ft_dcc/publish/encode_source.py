"""Encode a source, with its burn-in: frames, frames that are still being captured, or a movie."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Callable

import attrs

from ft_dcc import media
from ft_dcc.frames import FrameRange, Frames, aspect_ratio
from ft_dcc.host import Host, SupportsMixdown, find_host_of
from ft_dcc.media import Burnin, ColourOptions, EncodedFile, LiveEncode, Output, SlateImages, Sound, presets
from ft_dcc.publish import models, progress, slots
from ft_dcc.publish.pipeline.pyblish_adapter import Context, Instance
from ft_dcc.settings import fields, publish_options

# The sound of the scene in the folder of the source's files.
_MIXDOWN = "mixdown.wav"


def outputs_of(instance: Instance) -> list[Output]:
    """Return the review movies, the largest first, or one for a site that encodes, and the further outputs."""
    request = slots.REQUEST.get(instance.context)
    names, resolution = request.outputs or (), slots.CLIP.get(instance).resolution
    review = presets.review_outputs(resolution, [int(name) for name in names if name.isdigit()])
    if request.encode_by == publish_options.ENCODE_BY_SITE:
        review = [attrs.evolve(presets.REVIEW, component_name=models.SITE_SOURCE)]
    others = [presets.output_of(name, request.output_presets[name]) for name in names if name in request.output_presets]
    return [*review, *([presets.EDITORIAL] if "prores" in names else []), *others]


def media_folder(instance: Instance) -> Path:
    """Return the folder of this source's files in the job folder, created if missing."""
    return slots.JOB.get(instance.context).media_folder(slots.NUMBER.get(instance))


def progress_of_frames(instance: Instance, step: str, total: int) -> Callable[[int], None]:
    """Return a callback for each finished frame of a step; it raises Cancelled after a cancel."""
    reporter, source = slots.PROGRESS.get(instance.context), slots.SOURCE.get(instance).name
    count = itertools.count(1)

    def on_frame(_frame: int) -> None:
        reporter.report(progress.Progress(step, source, next(count), total, "frames"))

    return on_frame


def make_movies(instance: Instance, outputs: Sequence[Output]) -> EncodedFile:
    """Encode the source's frames or its movie to all outputs in one run; the result is the first one of them.

    Raises what ``media.encode`` and ``media.transcode`` raise.
    """
    live_encode = instance.data.pop(slots.LIVE_ENCODE.key, None)
    if live_encode is not None:
        made: EncodedFile = live_encode.finish()
        return made
    path, options = _path(instance, outputs[0]), _options(instance, outputs)
    frames, fill_missing = slots.FRAMES.find(instance), bool(slots.REQUEST.get(instance.context).fill_missing)
    if frames is not None:
        return media.encode(frames, path, colour=colour_of(instance), fill_missing=fill_missing, **options)
    movie, first = Path(slots.SOURCE.get(instance).text), slots.CLIP.get(instance).frame_range.with_handles.start
    return media.transcode(movie, path, info=slots.MOVIE_INFO.get(instance), first_frame=first, **options)


def burnin_of(instance: Instance) -> Burnin:
    """Return the burn-in of the instance: the request's templates and the values of their fields."""
    request, lens = slots.REQUEST.get(instance.context), slots.LENS.find(instance) or {}
    return Burnin(
        corners=dict(request.burnin or {}),
        fields={
            **fields_of(instance, slots.VERSION.find(instance)),
            "comment": request.comment,
            "lens": {int(frame): text for frame, text in lens.items()},
        },
        slate=request.slate_lines,
        slate_images=request.slate_images or SlateImages(),
        watermark=request.watermark or "",
        aspect=aspect_ratio(request.letterbox) if request.letterbox else None,
        cut=cut_of(instance),
        marks_handles=bool(request.mark_handles),
    )


def cut_of(instance: Instance) -> FrameRange:
    """Return the frames of the clip with its handles: those of the request or the shot if the source has them."""
    own, shot = slots.CLIP.get(instance).frame_range, slots.SHOT.find(instance.context)
    requested, whole = slots.REQUEST.get(instance.context).frame_range, own.with_handles
    for each in (own, requested, None if shot is None else shot.frame_range):
        if each is not None and each.handles + each.tail:
            found = each.with_handles
            if (found.start, found.end) == (whole.start, whole.end):
                return each
    return own


def task_fields(context: Context) -> dict[str, Any]:
    """Return the values of the fields of the task, with the custom attributes that the request names."""
    options = slots.OPTIONS.find(context)
    return {
        **slots.TASK.get(context).fields,
        "user": slots.SESSION.get(context).api_user,
        "artist": "" if options is None else options.artist,
        **({} if options is None else options.attributes),
    }


def source_fields(instance: Instance) -> dict[str, Any]:
    """Return the values of the fields of the task and of the source."""
    source = slots.SOURCE.get(instance)
    return {
        **task_fields(instance.context),
        "source": source.name,
        "camera": source.name if source.kind == "camera" else "",
        "scene": scene_name(instance),
    }


def fields_of(instance: Instance, number: int | None) -> dict[str, Any]:
    """Return the values of the fields that are the same for all frames, with this number of the version."""
    version = "" if number is None else fields.VersionNumber(number)
    return {**source_fields(instance), "asset": slots.ASSET.get(instance).name, "version": version}


def is_from_scene(instance: Instance) -> bool:
    """Return whether the source is a camera or the files of a source of the open scene."""
    source, scene = slots.SOURCE.get(instance), slots.SCENE.find(instance.context)
    return scene is not None and (source.kind == "camera" or source.name in scene.sources)


def scene_name(instance: Instance) -> str:
    """Return the file name of the scene that the source comes from, "" without one or before its first save."""
    scene, rendered = slots.SCENE.find(instance.context), slots.REQUEST.get(instance.context).rendered_from
    if scene is not None and scene.path is not None and is_from_scene(instance):
        return publish_options.strip_surrogates(scene.path.name)
    return re.split(r"[\\/]", str(rendered.get("file") or ""))[-1]


def marks_of(instance: Instance) -> Burnin:
    """Return the parts of the burn-in that single images have, too: the watermark and the letterbox."""
    return attrs.evolve(burnin_of(instance), corners={}, slate=(), marks_handles=False)


def start_live_encode(instance: Instance, frames: Frames) -> LiveEncode:
    """Start the encode of frames that do not exist yet, and set LIVE_ENCODE."""
    outputs, colour = outputs_of(instance), colour_of(instance)
    path, options = _path(instance, outputs[0]), _options(instance, outputs)
    live_encode = media.start_live_encode(frames, path, colour=colour, **options)
    slots.LIVE_ENCODE.set(instance, live_encode)
    return live_encode


def stop_live_encode(instance: Instance) -> None:
    """Cancel the encode of the instance that runs in the background."""
    live_encode = instance.data.pop(slots.LIVE_ENCODE.key, None)
    if live_encode is not None:
        live_encode.cancel()


def colour_of(instance: Instance) -> ColourOptions | None:
    """Return the colour options of the request or of the source, None if neither has any."""
    return slots.REQUEST.get(instance.context).colour or slots.SOURCE.get(instance).colour


def _path(instance: Instance, output: Output) -> Path:
    return media_folder(instance) / f"{output.component_name}{output.suffix}"


def _options(instance: Instance, outputs: Sequence[Output]) -> dict[str, Any]:
    """Return the options that ``encode``, ``transcode`` and ``start_live_encode`` share."""
    clip = slots.CLIP.get(instance)
    # The encode makes the thumbnail, unless marks are to be drawn on it.
    is_chosen = bool(slots.REQUEST.get(instance.context).thumbnail)
    makes_thumbnail = outputs[0] == outputs_of(instance)[0] and not is_chosen and not marks_of(instance).is_drawn
    return {
        "output": outputs[0],
        "also": {_path(instance, output): output for output in outputs[1:]},
        "burnin": burnin_of(instance),
        "sounds": sounds_of(instance),
        "thumbnail": media_folder(instance) / "thumbnail.jpg" if makes_thumbnail else None,
        # The movie also has a frame for each one that a step leaves out.
        "on_frame": progress_of_frames(instance, "encode", len(clip.frame_range.with_handles.every_frame)),
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
