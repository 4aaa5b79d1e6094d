"""The films of a source: of frames, of frames that are still being captured, or of a film that was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import attrs

from ft_dcc import media
from ft_dcc.frames import Frames
from ft_dcc.media import Colour, Encoding, Media, Output, Sound, presets
from ft_dcc.publish.draw import burnin_of
from ft_dcc.publish.engine import Instance
from ft_dcc.publish.progress import Progress
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


def counting_frames(instance: Instance, step: str, total: int) -> Callable[[int], None]:
    """Return what a step calls with each frame that is done; it raises Cancelled when somebody asked for it."""
    pulse, source = PULSE.get(instance.context), SOURCE.get(instance).name
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
        return media.encode(frames, path, colour=colour_of(instance), is_filling=_is_filling(instance), **how)
    film, first = Path(SOURCE.get(instance).text), CLIP.get(instance).frame_range.with_handles.start
    return media.transcode(film, path, facts=FACTS.get(instance), first_frame=first, **how)


def make_sheet(instance: Instance) -> Media:
    """Return a contact sheet of the source; raises what ``contact_sheet`` raises."""
    path, frames = media_folder(instance) / "contact-sheet.jpg", FRAMES.find(instance)
    aspect, cancel = burnin_of(instance).aspect, PULSE.get(instance.context).cancel.is_set
    if frames is not None:
        how: dict[str, Any] = {"colour": colour_of(instance), "is_filling": _is_filling(instance)}
        return media.contact_sheet(frames, path, aspect=aspect, is_cancelled=cancel, **how)
    film, first = Path(SOURCE.get(instance).text), CLIP.get(instance).frame_range.with_handles.start
    facts = FACTS.get(instance)
    return media.contact_sheet_of_film(film, path, facts=facts, first_frame=first, aspect=aspect, is_cancelled=cancel)


def _is_filling(instance: Instance) -> bool:
    return bool(REQUEST.get(instance.context).is_filling)


def begin_films(instance: Instance, frames: Frames) -> dict[str, Encoding]:
    """Return the films of frames that do not exist yet, by component, each waiting for the first frame."""
    wanted, colour = REQUEST.get(instance.context).outputs or (), colour_of(instance)
    return {
        output.component_name: media.begin_encoding(
            frames, _path(instance, output), colour=colour, **_how(instance, output)
        )
        for output in (presets.REVIEW, *(OUTPUT_BY_NAME[name] for name in wanted if name in OUTPUT_BY_NAME))
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
        "sounds": sounds_of(instance),
        # A frame that a step leaves out is a picture, too.
        "on_frame": counting_frames(instance, step, len(CLIP.get(instance).frame_range.with_handles.every_frame)),
        "is_cancelled": PULSE.get(instance.context).cancel.is_set,
    }


def sounds_of(instance: Instance) -> list[Sound]:
    """What was asked for, and with a camera what the artist hears in its scene."""
    scene, clip = SCENE.find(instance.context), CLIP.find(instance)
    # Whether a sound is there can be asked before it is known where the pictures begin.
    first = 0 if clip is None else clip.frame_range.with_handles.start
    asked = [Sound.parse(text, first) for text in REQUEST.get(instance.context).sounds]
    if scene is None or SOURCE.get(instance).kind != "camera":
        return asked
    return [*(Sound(**attrs.asdict(track)) for track in scene.sounds), *asked]
