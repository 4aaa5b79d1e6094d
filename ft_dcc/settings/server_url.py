"""The address of a server, apart from the definitions of settings, which take longer to import than a session."""

from __future__ import annotations

from ft_dcc.errors import SettingInvalid


def check_server_url(url: str) -> None:
    """Raise SettingInvalid for text that is no address, and for a user or a key in it, which would get into logs."""
    if "@" in (url.partition("://")[2] or url).partition("/")[0]:
        raise SettingInvalid(
            "The address of the server contains a user or a key. Write it like https://studio.example.com, and set "
            "FTRACK_API_USER and FTRACK_API_KEY."
        )
    if not url.lower().startswith(("http://", "https://")):
        raise SettingInvalid(f"{url!r} is not the address of a server. Write it like https://studio.example.com.")
