"""Block keys and clicks in every window while a capture changes the scene; the key that saves the file saves it."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, ClassVar

import bpy

from ft_dcc import plain_text

_TIMER_SECONDS = 0.1
# They change nothing in the scene. TIMER_REPORT makes the message of a report visible.
_HARMLESS_EVENTS = {"TIMER", "TIMER_REPORT", "MOUSEMOVE", "INBETWEEN_MOUSEMOVE", "WINDOW_DEACTIVATE"}
_MODIFIERS = {"LEFT_CTRL", "RIGHT_CTRL", "LEFT_SHIFT", "RIGHT_SHIFT", "LEFT_ALT", "RIGHT_ALT", "OSKEY"}
_BLOCKED = "Keys and clicks are blocked until the last frame is captured. Escape cancels the publish."


class GuardInput(bpy.types.Operator):
    """Block input in this window until the scene is restored; Escape cancels the publish"""

    bl_idname = "ft_dcc.guard_input"
    bl_label = "Publish for Review"
    bl_options = {"INTERNAL"}  # noqa: RUF012 - Blender's way

    # Attributes of an operator instance cannot be reached when its class is unregistered. By address of the window.
    timers: ClassVar[dict[int, Any]] = {}
    captures: ClassVar[list[object]] = []
    # Not a report: Blender 3.4 did not show its banner while the operator was running.
    message: ClassVar["str | None"] = None
    is_about_to_capture: ClassVar[Callable[[], bool]] = staticmethod(lambda: False)
    # A capture of a script has no cancel.
    on_escape: ClassVar[Callable[[], None]] = staticmethod(lambda: None)

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Block input in the window of the context."""
        window = context.window
        GuardInput.timers[window.as_pointer()] = context.window_manager.event_timer_add(_TIMER_SECONDS, window=window)
        self._last_tick, self._has_explained = None, False
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Block the event unless it is harmless; end when no capture has the scene any more."""
        if self._is_over(context, event):
            self.cancel(context)
            return {"FINISHED", "PASS_THROUGH"}
        if event.type == "ESC":
            GuardInput.on_escape()
            return {"RUNNING_MODAL"}
        # The pointer is below all areas, on the status bar, which has the button that cancels.
        is_below = event.mouse_y < min(area.y for area in context.window.screen.areas)
        if event.type in _HARMLESS_EVENTS or (event.type == "LEFTMOUSE" and is_below):
            return {"PASS_THROUGH"}
        if _is_save(context, event):
            self._show(*save_file())
        elif event.value == "PRESS" and event.type not in _MODIFIERS and not self._has_explained:
            self._has_explained = True
            self._show("INFO", _BLOCKED)
        return {"RUNNING_MODAL"}

    def _is_over(self, context: Any, event: Any) -> bool:
        """Return whether the scene is restored, and all keys are handled that were pressed before.

        Blender collects the events of the system before those of its timers. So the keys that were pressed during the
        last slice, and during the redraw after it, come before the next event of this window's timer.
        """
        timer = GuardInput.timers.get(context.window.as_pointer())
        if is_needed() or timer is None:
            self._last_tick = None
            return not is_needed()
        if self._last_tick is None:
            # This event may have been collected before the slice.
            self._last_tick = timer.time_duration
            return False
        return event.type == "TIMER" and timer.time_duration != self._last_tick

    def _show(self, kind: str, message: str) -> None:
        """Show the message in the status bar until the end of the guard, and keep a failure in the log of Blender."""
        GuardInput.message = message
        if kind != "INFO":
            self.report({kind}, plain_text.printable(message))

    def cancel(self, context: Any) -> None:
        """Remove the timer: Blender calls this when the window is closed or a file is opened."""
        GuardInput.message = None
        timer = GuardInput.timers.pop(context.window.as_pointer(), None) if context.window else None
        if timer is not None:
            context.window_manager.event_timer_remove(timer)

    @classmethod
    def unregister(cls) -> None:
        """Remove all timers: Blender calls this when the add-on is disabled."""
        while cls.timers:
            _, timer = cls.timers.popitem()
            bpy.context.window_manager.event_timer_remove(timer)


def is_needed() -> bool:
    """Return whether a capture has the scene or is about to."""
    return bool(GuardInput.captures) or GuardInput.is_about_to_capture()


@contextmanager
def guarded() -> Iterator[None]:
    """Block input in every window until exit; do nothing without a window or without the add-on."""
    capture = object()
    GuardInput.captures.append(capture)
    try:
        guard_windows()
        yield
    finally:
        GuardInput.captures.remove(capture)


def guard_windows() -> None:
    """Block input in every window that is not guarded yet."""
    if bpy.app.background or not hasattr(bpy.types, "FT_DCC_OT_guard_input"):
        return
    for window in bpy.context.window_manager.windows:
        if window.as_pointer() not in GuardInput.timers:
            # Modal operators get the events of their own window only.
            with bpy.context.temp_override(window=window):
                bpy.ops.ft_dcc.guard_input("INVOKE_DEFAULT")


def save_file() -> tuple[str, str]:
    """Save the file at once, and return the kind of a report and its message.

    The handler of the capture restores the scene before, and the next frame changes it again.
    """
    if not bpy.data.filepath:
        return "WARNING", "The scene has never been saved. Save it under a name when the last frame is captured."
    path = bpy.data.filepath
    try:
        bpy.ops.wm.save_mainfile()
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        return "ERROR", f"{path} was not saved. Save it elsewhere when the last frame is captured. {reason}"
    return "INFO", f"Saved {Path(path).name} without the changes of the capture, which continues."


def _is_save(context: Any, event: Any) -> bool:
    """Return whether the event is the artist's shortcut for saving the file."""
    if event.value != "PRESS" or event.is_repeat:
        return False
    keymap = context.window_manager.keyconfigs.user.keymaps.get("Window")
    item = keymap.keymap_items.match_event(event) if keymap is not None else None
    return item is not None and item.idname == "wm.save_mainfile"
