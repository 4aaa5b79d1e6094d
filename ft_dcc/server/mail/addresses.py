"""Addresses and texts for the headers of mails."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.headerregistry import Address

from ft_dcc.server.errors import ValidationError

_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")
# With the characters at which Python and mail servers begin a new line.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def parse_address(name: object, email: object) -> Address:
    """Return the address of a person; raises ValidationError for one that mail servers do not take."""
    text = str(email or "")
    if not _EMAIL.fullmatch(text):
        raise ValidationError(f"The invitee '{name}' has no e-mail address. Give one first.")
    try:
        text.encode("ascii")
        return Address(display_name=single_line(name), addr_spec=text)
    except (ValueError, HeaderParseError, IndexError, AttributeError) as error:
        # Python's parser raises the last two for some addresses, such as "a@[".
        address = single_line(text)
        raise ValidationError(f"Mail servers do not accept the e-mail address '{address}'. Correct it.") from error


def single_line(text: object) -> str:
    """Return a text without control characters; a line end would begin another header."""
    return _CONTROL_CHARACTERS.sub(" ", str(text or ""))[:200]
