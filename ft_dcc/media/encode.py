"""From frames, or from any film, to the one film that every browser plays frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ft_dcc.errors import Invalid
from ft_dcc.frames import Frames
from ft_dcc.media import container
from ft_dcc.media.burnin import Burnin, Pictures
from ft_dcc.media.display import LINEAR_SUFFIXES, Colour
from ft_dcc.media.facts import FilmFacts, Media
from ft_dcc.media.ffmpeg import IsCancelled
from ft_dcc.media.presets import REVIEW, Output
from ft_dcc.media.probe import film_input, probe
from ft_dcc.media.reel import as_numbered, refuse_damaged
from ft_dcc.media.sound import Sound
from ft_dcc.media.take import OnFrame, Take, film_filters


def encode(
    frames: Frames,
    path: Path,
    *,
    output: Output = REVIEW,
    burnin: Burnin | None = None,
    colour: Colour | None = None,
    sounds: Sequence[Sound] = (),
    is_filling: bool = False,
    on_frame: OnFrame | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Media:
    """``path`` is a film of every frame of the range, handles included, in order and at the frames' own rate.

    A frame that a step leaves out shows the one before it, and so does, marked in the picture, one that is missing
    ``is_filling``. Without a ``colour`` the settings say what OpenEXR files mean; all others are made for a display.
    ``on_frame`` is called with each frame's number once it is encoded; what it raises ends the encode. Raises
    FramesMissing for frames that are absent or damaged, Invalid for one that is not of ``frames.resolution``,
    SettingInvalid, ExtraMissing, DiskUnusable, EncodeFailed or Cancelled; whatever was at ``path`` before is still
    there then.
    """
    reel = as_numbered(frames, colour, is_filling=is_filling)
    if reel.suffix in LINEAR_SUFFIXES:
        # Each would be found when it is read; here all are named at once.
        files = dict(reel.files(lambda: False))
        refuse_damaged(frames, [number for number, path in files.items() if not container.is_whole(path)])
    arguments, feed = reel.source()
    take = Take(frames.pattern, arguments, reel.filters, reel.pictures, output, burnin or Burnin(), sounds, feed=feed)
    return take.film(path, on_frame, is_cancelled, reel.see, reel.judge)


def transcode(
    film: Path,
    path: Path,
    *,
    facts: FilmFacts | None = None,
    first_frame: int = 0,
    output: Output = REVIEW,
    burnin: Burnin | None = None,
    sounds: Sequence[Sound] = (),
    on_frame: OnFrame | None = None,
    is_cancelled: IsCancelled | None = None,
) -> Media:
    """``path`` is the same film in H.264: every picture once, at its own exact rate, with its sound in step.

    A film that is ready for the review as it is becomes a copy, unless something is to be changed about it.
    ``facts`` is what ``probe`` said of the film, when that is known already. ``first_frame`` is the number of the
    first picture, for ``on_frame``, ``burnin`` and ``sounds``. Raises FilmUnreadable, Invalid for a variable rate, and
    otherwise what ``encode`` raises.
    """
    facts = probe(film, is_cancelled=is_cancelled) if facts is None else facts
    if not facts.is_constant_rate:
        remedy = "Export it at a constant rate: which picture is which frame cannot be known otherwise."
        raise Invalid(f"frame rate of {film.name}", found="variable", wanted="constant", remedy=remedy)
    pictures = Pictures(range(first_frame, first_frame + facts.frame_count), facts.fps, facts.resolution)
    own_sound = -facts.start if facts.has_audio else None
    take = Take(
        str(film), film_input(film), film_filters(facts), pictures, output, burnin or Burnin(), sounds, own_sound
    )
    if film.suffix == ".mp4" and facts.is_ready_for_review and take.changes_nothing:
        return take.copy(film, path, on_frame)
    return take.film(path, on_frame, is_cancelled)
