"""Where a user's key is kept from one session to the next: the system's key store, else a file of the user's own.

The key store is reached through ``keyring``, where that is installed and finds one; the file has mode 0600.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import attrs
import platformdirs

from ft_dcc.errors import DiskUnusable

_SERVICE = "ft-dcc"


def _without_slash(address: str) -> str:
    return address.rstrip("/")


@attrs.frozen
class Account:
    """A user of a server, and the key that proves it."""

    server: str = attrs.field(converter=_without_slash)
    user: str
    key: str = attrs.field(repr=False)


def remember(account: Account) -> str:
    """The key is found again by ``recall``; return where it is kept, in words. Raises DiskUnusable."""
    _write(_last_path(), {"server": account.server, "user": account.user})
    store = _key_store()
    if store is not None:
        try:
            store.set_password(_SERVICE, _name(account.server, account.user), account.key)
            return str(store.get_keyring().name)
        except store.errors.KeyringError:
            # A store that is locked or switched off is as good as none.
            pass
    keys = _read(_path())
    keys[_name(account.server, account.user)] = account.key
    _write(_path(), keys)
    return str(_path())


def recall(server: str, user: str) -> Account | None:
    """Return the account whose key was remembered, or None."""
    key, store = None, _key_store()
    if store is not None:
        with contextlib.suppress(store.errors.KeyringError):
            key = store.get_password(_SERVICE, _name(server, user))
    key = key or _read(_path()).get(_name(server, user))
    return None if key is None else Account(server, user, key)


def last_signed_in() -> tuple[str, str] | None:
    """Return server and user of who was remembered last, or None."""
    last = _read(_last_path())
    return (last["server"], last["user"]) if {"server", "user"} <= set(last) else None


def forget(server: str, user: str) -> None:
    """The key is nowhere any more; forgetting one that was never there changes nothing. Raises DiskUnusable."""
    store = _key_store()
    if store is not None:
        with contextlib.suppress(store.errors.KeyringError):
            store.delete_password(_SERVICE, _name(server, user))
    keys = _read(_path())
    if keys.pop(_name(server, user), None) is not None:
        _write(_path(), keys)
    if last_signed_in() == (_without_slash(server), user):
        _write(_last_path(), {})


def _name(server: str, user: str) -> str:
    return f"{user}@{_without_slash(server)}"


def _key_store() -> Any | None:
    try:
        keyring: Any = importlib.import_module("keyring")
        importlib.import_module("keyring.errors")
    except ImportError:
        return None
    # Without a store of the system keyring answers with one that fails, at priority 0.
    return keyring if keyring.get_keyring().priority > 0 else None


def _path() -> Path:
    return Path(platformdirs.user_config_dir("ft-dcc", appauthor=False)) / "keys.json"


def _last_path() -> Path:
    return _path().with_name("account.json")


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DiskUnusable(f"{path} cannot be read. Delete it and sign in again.") from error
    return content if isinstance(content, dict) else {}


def _write(path: Path, content: dict[str, str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp makes a file that only its owner reads; the replacement is whole or does not happen.
        number, name = tempfile.mkstemp(dir=path.parent, prefix="keys-")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(content, file)
        Path(name).replace(path)
    except OSError as error:
        raise DiskUnusable(f"The key cannot be kept in {path.parent}: {error.strerror}. Make room there.") from error
