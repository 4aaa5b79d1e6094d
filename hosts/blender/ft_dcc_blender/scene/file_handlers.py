"""Keep what the add-on shows in a scene out of saved files, and forget it with its scene."""

from __future__ import annotations

from collections.abc import Callable

import bpy


class FileHandlers:
    """Functions that Blender calls before and after it saves a file, and before it loads one."""

    def __init__(
        self, remove: Callable[[], object], show_again: Callable[[], object], forget: Callable[[], object]
    ) -> None:
        self._handlers = {
            "save_pre": lambda *_: remove(),
            "save_post": lambda *_: show_again(),
            "load_pre": lambda *_: forget(),
        }

    def install(self) -> None:
        """Let Blender call the functions; safe to call twice."""
        self.remove()
        for name, handler in self._handlers.items():
            getattr(bpy.app.handlers, name).append(handler)

    def remove(self) -> None:
        """Let Blender not call them any more."""
        for name, handler in self._handlers.items():
            listed = getattr(bpy.app.handlers, name)
            if handler in listed:
                listed.remove(handler)
