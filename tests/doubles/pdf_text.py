"""The text of PDF files that the server writes."""

from __future__ import annotations

import re
import zlib
from contextlib import suppress


def text_of(document: bytes) -> str:
    """Return the text of a PDF whose fonts have two bytes for each character, one line for each text."""
    codes = dict(re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]{4})>", document))
    letters = {bytes.fromhex(code.decode()): chr(int(letter, 16)) for code, letter in codes.items()}
    lines = []
    for compressed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", document, re.DOTALL):
        with suppress(zlib.error):
            for text in re.findall(rb"\((.*?)\) Tj", zlib.decompress(compressed), re.DOTALL):
                plain = re.sub(rb"\\([()\\])", rb"\1", text.replace(rb"\r", b"\r").replace(rb"\n", b"\n"))
                pairs = (plain[index : index + 2] for index in range(0, len(plain), 2))
                lines.append("".join(letters.get(pair, "?") for pair in pairs))
    return "\n".join(lines)
