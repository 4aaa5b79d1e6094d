"""Movies whose frames show their own index as bars, readable from a screenshot at any size."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy
from doubles.numbered_images import run_ffmpeg

from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate
from ft_dcc.media import encode, transcode

# Bars from left to right, the highest bit first; the lower half of the frame shows the inverse.
BITS = 14
_BLACK, _WHITE = 50, 200


@attrs.frozen
class Movie:
    path: Path
    fps: str
    first_frame: int
    frame_count: int
    size: tuple[int, int]

    def facts(self):
        return {"fps": self.fps, "first_frame": self.first_frame, "frame_count": self.frame_count}

    @property
    def duration(self):
        return self.frame_count / float(frame_rate(self.fps))


def publish_movie(folder, fps, first_frame=1001, frame_count=24, size=(320, 180)):
    target = folder / f"{fps.replace('/', '-')}-{first_frame}-{frame_count}-{size[0]}x{size[1]}"
    target.mkdir(exist_ok=True)
    pattern = str(target / "numbered.%04d.png")
    _run_ffmpeg(frame_count, size, "-pix_fmt", "rgb24", "-start_number", str(first_frame), pattern)
    frame_range = FrameRange(first_frame, first_frame + frame_count - 1)
    frames = Frames(pattern, frame_range, frame_rate(fps), Resolution(*size))
    path = target / "movie.mp4"
    encode(frames, path)
    return Movie(path, fps, first_frame, frame_count, size)


def encode_directly(folder, movie, *codec):
    """Encode numbered frames with these arguments of ffmpeg, as other programs or older publishes did."""
    path = folder / f"{movie.path.stem}.mp4"
    arguments = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-movflags", "+faststart", *codec)
    _run_ffmpeg(movie.frame_count, movie.size, *arguments, str(path), fps=movie.fps)
    return attrs.evolve(movie, path=path)


def add_sound(movie, seconds):
    """Return the movie with a tone of this length, as a publish converts it."""
    source, path = movie.path.with_name("with-sound.mov"), movie.path.with_name("with-sound.mp4")
    tone = ("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=44100:duration={seconds}")
    run_ffmpeg("-i", movie.path, *tone, "-c:v", "copy", "-c:a", "pcm_s16le", source)
    transcode(source, path)
    return attrs.evolve(movie, path=path)


def _run_ffmpeg(frame_count, size, *output, fps="24"):
    width, height = size
    source = f"-f rawvideo -pix_fmt gray -s {width}x{height} -r {fps} -i -".split()
    run_ffmpeg(*source, *output, pixels=b"".join(_draw(frame_count, width, height)))


def _draw(frame_count, width, height):
    bit_of_column = BITS - 1 - numpy.arange(width) * BITS // width
    for index in range(frame_count):
        bits = (index >> bit_of_column) & 1
        upper = numpy.where(bits, _WHITE, _BLACK).astype(numpy.uint8).tobytes()
        lower = numpy.where(bits, _BLACK, _WHITE).astype(numpy.uint8).tobytes()
        yield upper * (height // 2) + lower * (height - height // 2)
