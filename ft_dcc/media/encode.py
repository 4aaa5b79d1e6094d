"""Encode frames, or transcode a movie, to a movie that every browser plays frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ft_dcc.errors import ValueMismatch
from ft_dcc.frames import Frames
from ft_dcc.media import encode_run, ffmpeg, ocio, presets, sound
from ft_dcc.media.burnin import Burnin, BurninTarget
from ft_dcc.media.frame_input import build_frame_input, refuse_truncated
from ft_dcc.media.inspection import media_info
from ft_dcc.media.inspection.probe import movie_input, probe


def encode(
    frames: Frames,
    path: Path,
    *,
    output: presets.Output = presets.REVIEW,
    burnin: Burnin | None = None,
    colour: ocio.ColourOptions | None = None,
    sounds: Sequence[sound.Sound] = (),
    fill_missing: bool = False,
    thumbnail: Path | None = None,
    on_frame: encode_run.OnFrame | None = None,
    is_cancelled: ffmpeg.IsCancelled | None = None,
) -> media_info.EncodedFile:
    """Encode every frame of the range, handles included, at the frames' rate, to a movie at ``path``.

    A frame that a step leaves out is replaced by the previous one, and with ``fill_missing`` so is a missing one, which
    is labelled. Without ``colour`` the settings apply to OpenEXR files, and all others are shown unchanged.
    ``on_frame`` is called with each encoded frame's number; an error that it raises ends the encode. With ``thumbnail``
    the same run writes a thumbnail of the middle frame, without the burn-in, to this path.

    Raises FramesMissing for missing or damaged frames, ValueMismatch for a frame that is not of ``frames.resolution``,
    SettingInvalid, MissingExtra, StorageError, EncodeFailed or Cancelled. After an error ``path`` is unchanged.
    """
    frame_input = build_frame_input(frames, colour, fill_missing=fill_missing)
    if frame_input.suffix in ocio.LINEAR_SUFFIXES:
        # The decoder would report the first damaged frame only.
        refuse_truncated(frames, frame_input.files(lambda: False))
    arguments, feed = frame_input.source()
    run = encode_run.EncodeRun.of_frames(frame_input, arguments, feed, output, burnin, sounds, thumbnail)
    return run.encode(path, on_frame, is_cancelled, frame_input.on_log_line, frame_input.verify_decoded)


def variable_rate(movie: Path) -> ValueMismatch:
    """Return the error for a movie of variable rate that is not resampled."""
    message = f"{movie.name} has a variable frame rate (a phone?). Add --fps 30 to resample it."
    return ValueMismatch(f"frame rate of {movie.name}", found="variable", expected="constant", message=message)


def transcode(
    movie: Path,
    path: Path,
    *,
    info: media_info.MovieInfo | None = None,
    first_frame: int = 0,
    output: presets.Output = presets.REVIEW,
    burnin: Burnin | None = None,
    sounds: Sequence[sound.Sound] = (),
    thumbnail: Path | None = None,
    on_frame: encode_run.OnFrame | None = None,
    is_cancelled: ffmpeg.IsCancelled | None = None,
) -> media_info.EncodedFile:
    """Transcode a movie to ``path``: every frame once, at its exact rate, with its sound in sync.

    A movie that is ready for the review is copied, without a thumbnail, unless something is to be changed. ``info`` is
    the result of ``probe``, if it is known already. ``first_frame`` is the number of the first frame for ``on_frame``,
    ``burnin`` and ``sounds``. Raises MovieUnreadable, ValueMismatch for a variable rate, which ``resampled`` makes
    constant, and otherwise what ``encode`` raises.
    """
    info = probe(movie, is_cancelled=is_cancelled) if info is None else info
    if not info.is_constant_rate:
        raise variable_rate(movie)
    target = BurninTarget(range(first_frame, first_frame + info.frame_count), info.fps, info.resolution)
    own_sound = -info.start if info.has_audio else None
    run = encode_run.EncodeRun(
        str(movie),
        movie_input(movie),
        encode_run.movie_filters(info),
        target,
        output,
        burnin or Burnin(),
        sounds,
        own_sound,
        remark=info.changes,
        timecode="" if info.is_resampled else info.timecode,
        thumbnail=encode_run.ThumbnailOutput(thumbnail, info.frame_count // 2) if thumbnail else None,
    )
    if movie.suffix == ".mp4" and info.is_ready_for_review and run.changes_nothing:
        return run.copy(movie, path, on_frame)
    return run.encode(path, on_frame, is_cancelled)
