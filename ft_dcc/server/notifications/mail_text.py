"""The text and the HTML of a notification mail."""

from __future__ import annotations

from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from html import escape

import attrs

from ft_dcc.server.mail.addresses import single_line

_MAX_LINES, _MAX_LINE_LENGTH = 50, 500
# Mail programs ignore style sheets, so that each element has its own style; tables keep the width in all of them.
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light">'
    '<title>{title}</title></head><body style="margin:0;background:#f1f2f4;color:#1d2126">'
    '<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>'
    '<td align="center" style="padding:24px">'
    '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px;background:#ffffff;'
    'border-radius:8px;font:15px/1.5 system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif">'
    '<tr><td style="padding:24px 28px 8px"><h1 style="margin:0;font-size:20px;line-height:1.3">{title}</h1></td></tr>'
    '{sections}<tr><td style="padding:16px 28px 24px;font-size:13px;color:#5a626c">{footer}</td></tr>'
    "</table></td></tr></table></body></html>"
)
_SECTION = (
    '<tr><td style="padding:12px 28px"><h2 style="margin:0 0 6px;font-size:15px">{name}</h2>'
    '<ul style="margin:0;padding:0 0 0 18px">{lines}</ul>{button}</td></tr>'
)
_BUTTON = (
    '<p style="margin:14px 0 0"><a href="{link}" style="display:inline-block;padding:9px 18px;border-radius:6px;'
    'background:#2f62d9;color:#ffffff;text-decoration:none;font-weight:600">Open the review</a></p>'
)


@attrs.frozen
class Section:
    """A part of a mail: a heading, its lines, and the address of its page, or ""."""

    name: str
    lines: tuple[str, ...]
    link: str


def make_message(to: Address, name: str, title: str, sections: Sequence[Section], off: str) -> EmailMessage:
    """Return a mail with these sections; ``off`` is the address at which its reader switches such mails off."""
    message = EmailMessage()
    message["To"] = to
    message["Subject"] = single_line(title)
    message["Date"] = format_datetime(localtime())
    message["List-Unsubscribe"] = f"<{off}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # Programs that answer mails of absent people do not answer this one.
    message["Auto-Submitted"] = "auto-generated"
    shortened = [attrs.evolve(each, lines=_shorten(each.lines)) for each in sections]
    message.set_content(_text(name, title, shortened, off))
    message.add_alternative(_html(title, shortened, off), subtype="html")
    return message


def _text(name: str, title: str, sections: Sequence[Section], off: str) -> str:
    lines = [f"Hello {single_line(name)},", "", f"{title}:"]
    for section in sections:
        lines += ["", section.name, *(f"  - {line}" for line in section.lines)]
        lines += ["", f"  {section.link}"] if section.link else []
    return "\n".join([*lines, "", f"Which mails you get: {off}"])


def _html(title: str, sections: Sequence[Section], off: str) -> str:
    parts = [
        _SECTION.format(
            name=escape(section.name),
            lines="".join(f'<li style="margin:3px 0">{escape(line)}</li>' for line in section.lines),
            button=_BUTTON.format(link=escape(section.link)) if section.link else "",
        )
        for section in sections
    ]
    footer = f'<a href="{escape(off)}" style="color:#5a626c">Choose which mails you get</a>'
    return _PAGE.format(title=escape(title), sections="".join(parts), footer=footer)


def _shorten(lines: Sequence[str]) -> tuple[str, ...]:
    flat = [" ".join(line.split()) for line in lines[:_MAX_LINES]]
    short = [line if len(line) <= _MAX_LINE_LENGTH else f"{line[: _MAX_LINE_LENGTH - 1]}…" for line in flat]
    rest = len(lines) - len(short)
    return (*short, f"and {rest} more") if rest else tuple(short)
