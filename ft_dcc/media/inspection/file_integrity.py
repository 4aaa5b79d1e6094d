"""Check whether a file is complete, by the length and the number of frames that its own headers declare.

ffmpeg accepts a movie that ends between two frames, and fills the missing part of an OpenEXR file with black.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_EXR = b"\x76\x2f\x31\x01"
_EXR_TILED, _EXR_DEEP, _EXR_MULTIPART = 0x200, 0x800, 0x1000
_MXF = bytes.fromhex("060e2b34020501010d010201")


def is_whole(path: Path) -> bool:
    """Return whether the file has its declared size; formats other than those of ``declared_size`` always have."""
    return declared_size(path) <= path.stat().st_size


def read_failure(path: Path) -> str | None:
    """Return why the file cannot be read, as "permission denied", or None if it can."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None


def is_faststart(path: Path) -> bool:
    """Return whether the index of an mp4 or mov precedes its media data, so that it plays while it loads."""
    with path.open("rb") as file:
        return next((name for name, _, _ in _boxes(file) if name in (b"moov", b"mdat")), None) == b"moov"


def declared_frames(path: Path) -> int:
    """Return the number of video frames in the index of an mp4 or mov; 0 without an index, or with one in fragments.

    Source: ISO/IEC 14496-12, sections 8.4.3 (hdlr) and 8.7.3 (stsz).
    """
    with path.open("rb") as file:
        for start, end in _boxes_at(file, (b"moov", b"trak", b"mdia"), 0, None):
            if any(_read_at(file, handler + 8) == b"vide" for handler, _ in _boxes_at(file, (b"hdlr",), start, end)):
                sizes = _boxes_at(file, (b"minf", b"stbl", b"stsz"), start, end)
                return sum(int.from_bytes(_read_at(file, table + 8), "big") for table, _ in sizes)
    return 0


def _boxes_at(file: IO[bytes], names: Sequence[bytes], start: int, end: int | None) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of the content of each box with this path of names."""
    for name, first, last in _boxes(file, start, end):
        if name == names[0] and len(names) == 1:
            yield first, last
        elif name == names[0]:
            yield from _boxes_at(file, names[1:], first, last)


def _read_at(file: IO[bytes], place: int) -> bytes:
    file.seek(place)
    return file.read(4)


def declared_size(path: Path) -> int:
    """Return the minimal size in bytes of an mp4, mov, Matroska, WebM, AVI, MXF or OpenEXR file; 0 for others."""
    with path.open("rb") as file:
        head = file.read(16)
        if head[4:8] in _FIRST_BOXES:
            return max((end for _, _, end in _boxes(file)), default=0)
        if head.startswith(_EBML):
            return _matroska_size(file)
        if head.startswith(_MXF):
            return _mxf_size(file)
        if head.startswith(_EXR):
            return _exr_size(file)
        if head.startswith(b"RIFF"):
            return int.from_bytes(head[4:8], "little") + 8
    return 0


def _boxes(file: IO[bytes], start: int = 0, stop: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each box, and the start and the end of its content. Source: ISO/IEC 14496-12, section 4.2."""
    end = start
    while stop is None or end < stop:
        start = end
        file.seek(start)
        head = file.read(16)
        if len(head) < 8 or (start == 0 and head[4:8] not in _FIRST_BOXES):
            return
        size = int.from_bytes(head[:4], "big")
        if size == 0:
            # The last box extends to the end of the file.
            yield head[4:8], start + 8, start
            return
        # Size 1 means that eight bytes with the size follow; no box is shorter than its header.
        end = start + max(int.from_bytes(head[8:], "big") if size == 1 else size, 8)
        yield head[4:8], start + (16 if size == 1 else 8), end


def _matroska_size(file: IO[bytes]) -> int:
    """Return the end of the segment, which contains all but the header. Source: RFC 8794, section 6, and RFC 9559."""
    file.seek(4)
    file.seek(_vint(file) or 0, 1)
    if file.read(4) != _SEGMENT:
        return 0
    length = _vint(file)
    return 0 if length is None else file.tell() + length


def _vint(file: IO[bytes]) -> int | None:
    """Read a number whose leading zeros encode its length; return None if all bits are set ("unknown")."""
    first = file.read(1) or b"\0"
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] ^ (0x80 >> more) if more < 8 else 0]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value


def _mxf_size(file: IO[bytes]) -> int:
    """Return the start of the footer from the header's partition pack. Source: SMPTE ST 377-1, section 7.1."""
    file.seek(16)
    length = (file.read(1) or b"\0")[0]
    file.seek(length & 0x7F if length & 0x80 else 0, 1)
    # Skip two versions, the grid, and the offsets of this partition and the previous one.
    file.seek(2 + 2 + 4 + 8 + 8, 1)
    return int.from_bytes(file.read(8), "big")


def _exr_size(file: IO[bytes]) -> int:
    """Return the end of the last chunk from the offset table after the headers. Source: "OpenEXR File Layout"."""
    file.seek(4)
    flags = int.from_bytes(file.read(4), "little")
    _skip_exr_header(file)
    if flags & _EXR_MULTIPART:
        while _skip_exr_header(file):
            pass
    offsets: list[int] = []
    # The table ends where the first chunk begins; a writer that crashed leaves zeros in it.
    while not offsets or file.tell() < min(offsets):
        entry = file.read(8)
        offsets.append(int.from_bytes(entry, "little"))
        if len(entry) < 8 or offsets[-1] < file.tell():
            return sys.maxsize
    last = max(offsets)
    if flags & (_EXR_DEEP | _EXR_MULTIPART):
        return last + 1
    coordinates = 16 if flags & _EXR_TILED else 4
    file.seek(last + coordinates)
    return last + coordinates + 4 + int.from_bytes(file.read(4), "little")


def _skip_exr_header(file: IO[bytes]) -> int:
    """Skip the attributes of one part and return their number."""
    count = 0
    while _exr_text(file):
        _exr_text(file)
        file.seek(int.from_bytes(file.read(4), "little"), 1)
        count += 1
    return count


def _exr_text(file: IO[bytes]) -> bytes:
    """Read a text up to its zero byte, at most the 255 bytes that a name may have."""
    text = bytearray()
    while (letter := file.read(1)) not in (b"", b"\0") and len(text) < 255:
        text += letter
    return bytes(text)
