"""The pages of PDF files that the server writes."""

import re
import zlib
from contextlib import suppress


def pages_of(document):
    """Return the text of each page, one line for each text, and its number of images.

    The fonts of the file have two bytes for each character.
    """
    codes = dict(re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]{4})>", document))
    letters = {bytes.fromhex(code.decode()): chr(int(letter, 16)) for code, letter in codes.items()}
    pages = []
    for compressed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", document, re.DOTALL):
        with suppress(zlib.error):
            content = zlib.decompress(compressed)
            texts = re.findall(rb"\((.*?)\) Tj", content, re.DOTALL)
            if texts:
                pages.append(("\n".join(_decode(text, letters) for text in texts), content.count(b" Do Q")))
    return pages


def text_of(document):
    return "\n".join(text for text, _ in pages_of(document))


def _decode(text, letters):
    plain = re.sub(rb"\\([()\\])", rb"\1", text.replace(rb"\r", b"\r").replace(rb"\n", b"\n"))
    return "".join(letters.get(plain[index : index + 2], "?") for index in range(0, len(plain), 2))
