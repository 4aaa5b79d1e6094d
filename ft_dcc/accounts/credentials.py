"""Storage of API keys in the system's key store by ``keyring``, else in a file of the user with mode 0600."""

from __future__ import annotations

import contextlib
import importlib
import json
from pathlib import Path
from typing import Any

import attrs
import platformdirs

from ft_dcc.errors import StorageError
from ft_dcc.files.atomic import storage_errors, write_atomically

_SERVICE = "ft-dcc"


def _without_slash(address: str) -> str:
    return address.rstrip("/")


@attrs.frozen
class Account:
    """A user of a server, with the API key."""

    server: str = attrs.field(converter=_without_slash)
    user: str
    key: str = attrs.field(repr=False)

    def as_environment(self) -> dict[str, str]:
        """Return the environment variables that name the account to another program."""
        return {"FTRACK_SERVER": self.server, "FTRACK_API_USER": self.user, "FTRACK_API_KEY": self.key}


def save_credentials(account: Account) -> str:
    """Store the key for ``load_credentials`` and return the name of the store or file; raise StorageError."""
    _write(_last_path(), {"server": account.server, "user": account.user})
    store = _key_store()
    if store is not None:
        try:
            store.set_password(_SERVICE, _account_name(account.server, account.user), account.key)
            return str(store.get_keyring().name)
        except store.errors.KeyringError:
            # The store is locked or disabled: use the file.
            pass
    keys = _read(_keys_path())
    keys[_account_name(account.server, account.user)] = account.key
    _write(_keys_path(), keys)
    return str(_keys_path())


def load_credentials(server: str, user: str) -> Account | None:
    """Return the account with its stored key, or None."""
    key, store = None, _key_store()
    if store is not None:
        with contextlib.suppress(store.errors.KeyringError):
            key = store.get_password(_SERVICE, _account_name(server, user))
    key = key or _read(_keys_path()).get(_account_name(server, user))
    return None if key is None else Account(server, user, key)


def last_login() -> tuple[str, str] | None:
    """Return server and user of the last stored account, or None."""
    last = _read(_last_path())
    return (last["server"], last["user"]) if {"server", "user"} <= set(last) else None


def delete_credentials(server: str, user: str) -> None:
    """Delete the stored key, if there is one; raise StorageError."""
    store = _key_store()
    if store is not None:
        with contextlib.suppress(store.errors.KeyringError):
            store.delete_password(_SERVICE, _account_name(server, user))
    keys = _read(_keys_path())
    if keys.pop(_account_name(server, user), None) is not None:
        _write(_keys_path(), keys)
    if last_login() == (_without_slash(server), user):
        _write(_last_path(), {})


def _account_name(server: str, user: str) -> str:
    return f"{user}@{_without_slash(server)}"


def _key_store() -> Any | None:
    try:
        keyring: Any = importlib.import_module("keyring")
        importlib.import_module("keyring.errors")
    except ImportError:
        return None
    # Without a key store, keyring returns a backend with priority 0 that fails.
    return keyring if keyring.get_keyring().priority > 0 else None


def _keys_path() -> Path:
    return Path(platformdirs.user_config_dir("ft-dcc", appauthor=False)) / "keys.json"


def _last_path() -> Path:
    return _keys_path().with_name("account.json")


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read. Delete it and sign in again.") from error
    return content if isinstance(content, dict) else {}


def _write(path: Path, content: dict[str, str]) -> None:
    with storage_errors(f"The key cannot be saved in {path.parent}", "Make the folder writable."):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(content).encode(), is_private=True)
