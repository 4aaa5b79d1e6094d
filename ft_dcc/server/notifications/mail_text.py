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
    '<tr><td style="padding:12px 28px"><h2 style="margin:0 0 6px;font-size:15px">{heading}</h2>'
    '<ul style="margin:0;padding:0 0 0 18px">{lines}</ul>{button}</td></tr>'
    '<tr><td style="padding:16px 28px 24px;font-size:13px;color:#5a626c">'
    '<a href="{off}" style="color:#5a626c">Switch these mails off</a></td></tr>'
    "</table></td></tr></table></body></html>"
)
_BUTTON = (
    '<p style="margin:14px 0 0"><a href="{link}" style="display:inline-block;padding:9px 18px;border-radius:6px;'
    'background:#2f62d9;color:#ffffff;text-decoration:none;font-weight:600">Open the review</a></p>'
)


@attrs.frozen
class MailText:
    """What a mail says to a person of this name.

    ``link`` is the address of the review, or ""; at ``off``, the person switches mails off.
    """

    name: str
    title: str
    heading: str
    lines: Sequence[str]
    link: str
    off: str


def make_message(to: Address, text: MailText) -> EmailMessage:
    """Return the mail, with its long and surplus lines shortened."""
    message = EmailMessage()
    message["To"] = to
    message["Subject"] = single_line(text.title)
    message["Date"] = format_datetime(localtime())
    message["List-Unsubscribe"] = f"<{text.off}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # Programs that answer mails of absent people do not answer this one.
    message["Auto-Submitted"] = "auto-generated"
    lines = _shorten(text.lines)
    message.set_content(_plain(text, lines))
    message.add_alternative(_html(text, lines), subtype="html")
    return message


def _plain(text: MailText, lines: Sequence[str]) -> str:
    parts = [f"Hello {single_line(text.name)},", "", f"{text.title}:", "", text.heading]
    parts += [f"  - {line}" for line in lines]
    parts += ["", f"  {text.link}"] if text.link else []
    return "\n".join([*parts, "", f"Switch these mails off: {text.off}"])


def _html(text: MailText, lines: Sequence[str]) -> str:
    return _PAGE.format(
        title=escape(text.title),
        heading=escape(text.heading),
        lines="".join(f'<li style="margin:3px 0">{escape(line)}</li>' for line in lines),
        button=_BUTTON.format(link=escape(text.link)) if text.link else "",
        off=escape(text.off),
    )


def _shorten(lines: Sequence[str]) -> list[str]:
    flat = [" ".join(line.split()) for line in lines[:_MAX_LINES]]
    short = [line if len(line) <= _MAX_LINE_LENGTH else f"{line[: _MAX_LINE_LENGTH - 1]}…" for line in flat]
    rest = len(lines) - len(short)
    return [*short, f"and {rest} more"] if rest else short
