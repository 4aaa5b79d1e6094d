"""Images: stills for the review, thumbnails, and all images of a movie."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc import errors, frames
from ft_dcc.files.sequences import IMAGE_SUFFIXES
from ft_dcc.media import burnin as drawing
from ft_dcc.media import encode_run, ffmpeg, fonts, ocio, presets
from ft_dcc.media import ffmpeg_colour as encoding
from ft_dcc.media.inspection.media_info import EncodedFile
from ft_dcc.media.inspection.probe import SHOWINFO, FrameLog, movie_input, parse_frame_line, png_pixel_aspect, probe

STILL = "ftrackreview-image"
_LONGER_SIDES, MOVIE_IMAGES_LONGER_SIDE = {presets.THUMBNAIL: presets.THUMBNAIL_LONGER_SIDE, STILL: 3840}, 1920
# Reads every frame and decodes none.
_COUNT_ARGS = ("-loglevel", "level+verbose", "-map", "0:V:0", "-c", "copy", "-f", "null", "-")
# ffmpeg 7.0 reports progress of encodes only; every version writes this line at the end of a copy.
_COUNT_LINE = re.compile(r"Output stream #0:0 \(video\): (\d+) packets muxed")
_DURATION = re.compile(r"Duration: (\d+):(\d+):(\d+\.\d+)")
_SCRIPT = "burnin.ass"


def thumbnail(
    source: Path,
    path: Path,
    *,
    image: int | None = None,
    colour: ocio.ColourOptions | None = None,
    burnin: drawing.Burnin | None = None,
) -> EncodedFile:
    """Write a JPEG of an image, or of one of a movie, to ``path``, at most 640 pixels on its longer side.

    ``image`` is its place in the movie, counted from 0, by default the middle one. ``colour`` is as for ``encode``;
    ``burnin`` is drawn without its slate. Raises MovieUnreadable for a source without an image, FramesMissing for a
    damaged one, StorageError or EncodeFailed.
    """
    return _draw(_jpeg(source, path, presets.THUMBNAIL, colour, image), burnin)


def still(
    image: Path, path: Path, *, colour: ocio.ColourOptions | None = None, burnin: drawing.Burnin | None = None
) -> EncodedFile:
    """Write a JPEG of an image, at most 3840 pixels on its longer side; raise what ``thumbnail`` raises."""
    return _draw(_jpeg(image, path, STILL, colour), burnin)


def movie_images(movie: Path, folder: Path, first: int = 1) -> frames.Frames:
    """Write each image of a movie as a JPEG into the folder, and return them as frames from the number ``first`` on.

    They have at most 1920 pixels on their longer side. Raises MovieUnreadable for a file without a readable image,
    StorageError or EncodeFailed.
    """
    info = probe(movie, max_frames=1)
    pattern = folder / "image.%05d.jpg"
    filters = [*encoding.from_movie(info), *encoding.to_jpeg(MOVIE_IMAGES_LONGER_SIDE), SHOWINFO]
    sink = ["-map", "0:V:0", "-vf", ",".join(filters), "-fps_mode", "passthrough", "-q:v", "3", "-f", "image2"]
    sizes: list[frames.Resolution] = []

    def read(line: str) -> None:
        if (frame := parse_frame_line(line)) is not None:
            sizes[:] = [frame.resolution]

    with ffmpeg.storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # In the folder, because the name is a pattern and the path may contain a percent sign.
        arguments = [*movie_input(movie), *sink, "-start_number", str(first), pattern.name]
        finished = ffmpeg.run(arguments, folder=folder, on_line=read)
        count = sum(1 for _ in folder.glob("image.*.jpg"))
    if finished.returncode:
        raise ffmpeg.failure(finished, str(movie), folder)
    if not count or not sizes:
        raise errors.MovieUnreadable(f"{movie} contains no image. Download it again.")
    return frames.Frames(str(pattern), frames.FrameRange(first, first + count - 1), info.fps, sizes[0])


def _draw(made: EncodedFile, burnin: drawing.Burnin | None) -> EncodedFile:
    """Draw the burn-in on a JPEG, whose size is known only now, and return the JPEG."""
    if burnin is None or not attrs.evolve(burnin, slate=()).is_drawn:
        return made
    burnin, target = attrs.evolve(burnin, slate=()), drawing.BurninTarget(range(1, 2), Fraction(1), made.resolution)
    script = drawing.script(burnin, target, made.resolution)
    chosen, folder = drawing.fonts_of(burnin, target), made.path.parent
    with (
        ffmpeg.replacing(made.path) as unfinished,
        encode_run.script_folder({_SCRIPT: script}, folder, chosen.files) as folder,
    ):
        drawn = drawing.filters(burnin, made.resolution, Fraction(1), _SCRIPT)
        # The letterbox's black is that of YUV of limited range.
        review = encoding.to_review(made.resolution, made.resolution, "yuv444p")
        filters = [encoding.AS_RGB, *review, *drawn, *encoding.to_jpeg()]
        sink = ["-map", "0:V:0", "-vf", ",".join(filters), "-frames:v", "1", *presets.JPEG]
        finished = ffmpeg.run([*movie_input(made.path), *sink, ffmpeg.file_url(unfinished)], folder=folder)
        if finished.returncode or not unfinished.stat().st_size:
            raise ffmpeg.failure(finished, str(made.path), made.path)
    lost = fonts.missing_remark(chosen.missing)
    return attrs.evolve(made, size=made.path.stat().st_size, remark=lost, changes=lost)


def _jpeg(
    source: Path, path: Path, name: str, colour: ocio.ColourOptions | None, image: int | None = None
) -> EncodedFile:
    feed: ffmpeg.Feed | None = None
    if source.suffix.lower() not in IMAGE_SUFFIXES:
        arguments = ["-ss", str(float(_time_of(source, image))), *movie_input(source)]
        first_filters = encoding.from_movie(probe(source, max_frames=1))
    elif conversion := ocio.converter(source.suffix, colour):
        size = conversion.size_of(source)
        arguments, feed = conversion.piped(lambda _is_stopped: [(0, source)], size, Fraction(1))
        first_filters = [f"setsar={conversion.pixel_aspect_of(source)}", encoding.AS_RGB]
    else:
        shape = [f"setsar={png_pixel_aspect(source)}"] if source.suffix.lower() == ".png" else []
        arguments, first_filters = movie_input(source), [*shape, encoding.OPAQUE_RGB]
    filters = [*first_filters, *encoding.to_jpeg(_LONGER_SIDES[name]), SHOWINFO]
    decoded: list[FrameLog] = []

    def read(line: str) -> None:
        decoded.extend(filter(None, [parse_frame_line(line)]))

    with ffmpeg.replacing(path) as unfinished:
        sink = ["-map", "0:V:0", "-vf", ",".join(filters), "-frames:v", "1", *presets.JPEG]
        finished = ffmpeg.run([*arguments, *sink, ffmpeg.file_url(unfinished)], feed=feed, on_line=read)
        if not decoded:
            reason = finished.errors[0] if finished.errors else "it contains none"
            raise errors.MovieUnreadable(f"No image can be decoded from {source}: {reason}. Export it again.")
        if finished.returncode:
            raise ffmpeg.failure(finished, str(source), path)
    return EncodedFile(path, name, decoded[0].resolution, None, 1, path.stat().st_size)


def _time_of(movie: Path, image: int | None) -> Fraction:
    """Return a time in seconds shortly before an image, by default the middle one; 0 without a duration."""
    seconds, counts = [Fraction(0)], [0]

    def read(line: str) -> None:
        if found := _DURATION.search(line):
            seconds.append(int(found[1]) * 3600 + int(found[2]) * 60 + Fraction(found[3]))
        if found := _COUNT_LINE.search(line):
            counts.append(int(found[1]))

    ffmpeg.run([*movie_input(movie), *_COUNT_ARGS], on_line=read)
    count = max(1, counts[-1])
    return max(Fraction(0), ((count // 2 if image is None else image) - Fraction(1, 2)) * seconds[-1] / count)
