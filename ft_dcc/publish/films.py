"""The films of a source: of frames, of frames that are still being captured, or of a film that was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from ft_dcc import media
from ft_dcc.frames import Frames
from ft_dcc.media import Colour, Encoding, Media, Output, Sound, presets
from ft_dcc.publish.draw import burnin_of
from ft_dcc.publish.engine import Instance
from ft_dcc.publish.records import Progress
from ft_dcc.publish.slots import CLIP, ENCODINGS, FACTS, FRAMES, JOB, NUMBER, PULSE, REQUEST, SCENE, SOURCE

# By the words of the setting.
OUTPUT_BY_NAME = {
    "720": presets.REVIEW_720,
    "1080": presets.REVIEW_1080,
    "1440": presets.REVIEW_1440,
    "2160": presets.REVIEW_2160,
    "prores": presets.EDITORIAL,
}


def media_folder(instance: Instance) -> Path:
    """Return the folder of the job, made, in which this source's files lie."""
    return JOB.get(instance.context).media_folder(NUMBER.get(instance))


def counting_frames(instance: Instance, step: str) -> Callable[[int], None]:
    """Return what a step calls with each frame that is done; it raises Cancelled when somebody asked for it."""
    pulse, source = PULSE.get(instance.context), SOURCE.get(instance).name
    total = len(CLIP.get(instance).frame_range.with_handles)
    done = 0

    def count(_frame: int) -> None:
        nonlocal done
        done += 1
        pulse.beat(Progress(step, source, done, total, "frames"))

    return count


def make_film(instance: Instance, output: Output) -> Media:
    """Return a film of the source, made of its frames or of the film that was given; raises what ``encode`` raises."""
    encoding = (ENCODINGS.find(instance) or {}).pop(output.component_name, None)
    if encoding is not None:
        return encoding.finish()
    path, how, frames = _path(instance, output), _how(instance, output), FRAMES.find(instance)
    if frames is not None:
        return media.encode(frames, path, **how)
    film, first = Path(SOURCE.get(instance).text), CLIP.get(instance).frame_range.with_handles.start
    return media.transcode(film, path, facts=FACTS.get(instance), first_frame=first, **how)


def begin_films(instance: Instance, frames: Frames) -> dict[str, Encoding]:
    """Return the films of frames that do not exist yet, by component, each waiting for the first frame."""
    wanted = REQUEST.get(instance.context).outputs or ()
    return {
        output.component_name: media.begin_encoding(frames, _path(instance, output), **_how(instance, output))
        for output in (presets.REVIEW, *(OUTPUT_BY_NAME[name] for name in wanted))
    }


def stop_films(instance: Instance) -> None:
    """No film is being made in the background any more."""
    encodings = ENCODINGS.find(instance) or {}
    while encodings:
        encodings.popitem()[1].cancel()


def colour_of(instance: Instance) -> Colour | None:
    """What the numbers in the source's files mean, where somebody said it."""
    return REQUEST.get(instance.context).colour or SOURCE.get(instance).colour


def _path(instance: Instance, output: Output) -> Path:
    return media_folder(instance) / f"{output.component_name}{'.mov' if output is presets.EDITORIAL else '.mp4'}"


def _how(instance: Instance, output: Output) -> dict[str, Any]:
    """What is said to the encoder, wherever its pictures come from."""
    step = "encode" if output is presets.REVIEW else f"encode {output.component_name}"
    return {
        "output": output,
        "burnin": burnin_of(instance),
        **({} if FACTS.find(instance) is not None else {"colour": colour_of(instance)}),
        "sounds": _sounds(instance),
        "on_frame": counting_frames(instance, step),
        "is_cancelled": PULSE.get(instance.context).cancel.is_set,
    }


def _sounds(instance: Instance) -> list[Sound]:
    """What the artist hears in the scene goes with a camera of it."""
    scene = SCENE.find(instance.context)
    if scene is None or SOURCE.get(instance).kind != "camera":
        return []
    return [Sound(track.path, track.start) for track in scene.sounds]
