"""Images that contain their frame number, and functions to read it back from a movie with the real ffmpeg."""

import struct
import subprocess
import zlib

from ft_dcc.media import ffmpeg

# A frame number as black and white blocks: sixteen bits, eight per row, so that -10 fits.
COLUMNS, ROWS = 8, 2


def run_ffmpeg(*arguments, pixels=None):
    command = [str(ffmpeg.find()), "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, input=pixels, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def png(resolution, row_at, *, has_alpha=False):
    """Return an 8-bit PNG in RGB or RGBA; ``row_at`` returns the pixels of a row."""
    rows = (b"\0" + row_at(y) for y in range(resolution.height))
    header = struct.pack(">IIBBBBB", resolution.width, resolution.height, 8, 6 if has_alpha else 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 1)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def write_flat(path, color, resolution):
    path.write_bytes(png(resolution, lambda _y: bytes(color) * resolution.width))


def write_numbered(path, number, resolution, *, grey_below=0):
    """Write the number as blocks; below them there is room for ``grey_below`` rows of grey to write on."""
    width, height = resolution.width, resolution.height - grey_below
    bits = f"{number & 0xFFFF:016b}"
    rows = [
        b"".join(
            b"\xff\xff\xff" if bits[row * COLUMNS + x * COLUMNS // width] == "1" else b"\0\0\0" for x in range(width)
        )
        for row in range(ROWS)
    ]
    grey = bytes((60, 60, 60)) * width
    path.write_bytes(png(resolution, lambda y: rows[y * ROWS // height] if y < height else grey))


def numbers_in(movie, resolution):
    """Return the number of each image of a movie; ``resolution`` is that of the source images."""
    even = resolution.even
    raw = run_ffmpeg("-i", f"file:{movie}", "-f", "rawvideo", "-fps_mode", "passthrough", "-pix_fmt", "gray", "-")
    size = even.width * even.height
    assert len(raw) % size == 0
    return [number_in(raw[at : at + size], even.width, resolution) for at in range(0, len(raw), size)]


def number_in(grey, stride, resolution):
    """Return the number of one image, whose rows are ``stride`` bytes long; it is in the top left corner."""
    value = 0
    for row in range(ROWS):
        for column in range(COLUMNS):
            x = int((column + 0.5) * resolution.width / COLUMNS)
            value = value * 2 + (grey[int((row + 0.5) * resolution.height / ROWS) * stride + x] > 127)
    return value - 0x10000 if value >= 0x8000 else value
