"""Plugins: a studio's Python files with a ``register(session, …)`` function that a session calls when it starts."""

from __future__ import annotations

import importlib.util
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

from ft_dcc.errors import PluginBroken

_log = logging.getLogger(__name__)


def discover(
    paths: Iterable[str | os.PathLike[str]],
    positional_arguments: Sequence[Any] = (),
    keyword_arguments: Mapping[str, Any] | None = None,
    source: str = "the path",
) -> list[PluginBroken]:
    """Load and register every plugin below the paths, in the order of paths and then of names.

    ``source`` names what gave the paths, for the warning about a missing folder. The errors of broken plugins are
    logged and returned; the other plugins are registered.
    """
    broken = []
    for path in _files(paths, source):
        try:
            _register(path, positional_arguments, keyword_arguments or {})
        except PluginBroken as error:
            _log.warning("%s", error)
            _log.debug("Traceback of the plugin %s:", path, exc_info=error)
            broken.append(error)
    return broken


def _files(paths: Iterable[str | os.PathLike[str]], source: str) -> Iterator[Path]:
    for path in [paths] if isinstance(paths, (str, os.PathLike)) else paths:
        name = os.fspath(path).strip()
        if not name:
            continue  # An empty path would be the current folder.
        folder = Path(name)
        if folder.is_dir():
            yield from sorted(file for file in folder.rglob("*.py") if file.is_file())
        else:
            _log.warning("The plugin folder %s does not exist. Check %s.", folder, source)


def _register(path: Path, positional_arguments: Sequence[Any], keyword_arguments: Mapping[str, Any]) -> None:
    register = getattr(_load(path), "register", None)
    if not callable(register):
        raise PluginBroken(f'The plugin {path} does not define a "register" function. Add one, or move the file away.')
    positional, keywords = _accepted(register, positional_arguments, keyword_arguments)
    left_out = sorted(set(keyword_arguments) - set(keywords))
    if left_out or len(positional) < len(positional_arguments):
        _log.warning("The register function of the plugin %s does not accept the arguments: %s", path, left_out)
    try:
        register(*positional, **keywords)
    except (Exception, SystemExit) as error:
        raise PluginBroken(f"The plugin {path} failed to register: {type(error).__name__}: {error}") from error


def _load(path: Path) -> ModuleType:
    name = f"ft_dcc_plugin_{uuid4().hex}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginBroken(f"The plugin {path} is not a Python file. Move it away.")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles look a module up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise PluginBroken(f"The plugin {path} failed to load: {type(error).__name__}: {error}") from error
    return module


def _accepted(
    register: Callable[..., Any], positional_arguments: Sequence[Any], keyword_arguments: Mapping[str, Any]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Return the arguments that the function accepts."""
    by_kind: dict[Any, list[str]] = {}
    for parameter in inspect.signature(register).parameters.values():
        by_kind.setdefault(parameter.kind, []).append(parameter.name)
    kind = inspect.Parameter
    either = by_kind.get(kind.POSITIONAL_OR_KEYWORD, [])
    by_position = [*by_kind.get(kind.POSITIONAL_ONLY, []), *either]
    positional = positional_arguments
    if kind.VAR_POSITIONAL not in by_kind:
        positional = positional_arguments[: len(by_position)]
    accepted = set(keyword_arguments) if kind.VAR_KEYWORD in by_kind else {*either, *by_kind.get(kind.KEYWORD_ONLY, [])}
    accepted.difference_update(by_position[: len(positional)])
    return positional, {name: value for name, value in keyword_arguments.items() if name in accepted}
