"""Block keys and clicks in every window while a capture changes the scene."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, ClassVar

import bpy

_TIMER_SECONDS = 0.1
# They change nothing in the scene.
_HARMLESS_EVENTS = {"TIMER", "MOUSEMOVE", "INBETWEEN_MOUSEMOVE", "WINDOW_DEACTIVATE"}
_CLICKS = {"LEFTMOUSE"}


def _return_false() -> bool:
    return False


def _do_nothing() -> None:
    """Do nothing: a capture of a script has no cancel."""


class GuardInput(bpy.types.Operator):
    """Block input in this window until the scene is restored; Escape cancels the publish"""

    bl_idname = "ft_dcc.guard_input"
    bl_label = "Publish for Review"
    bl_options = {"INTERNAL"}  # noqa: RUF012 - Blender's way

    # Attributes of an operator instance cannot be reached when its class is unregistered. By address of the window.
    timers: ClassVar[dict[int, Any]] = {}
    captures: ClassVar[list[object]] = []
    is_about_to_capture: ClassVar[Callable[[], bool]] = staticmethod(_return_false)
    on_escape: ClassVar[Callable[[], None]] = staticmethod(_do_nothing)

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Block input in the window of the context."""
        window = context.window
        GuardInput.timers[window.as_pointer()] = context.window_manager.event_timer_add(_TIMER_SECONDS, window=window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Block the event unless it is harmless; end when no capture has the scene any more."""
        if not is_needed():
            self.cancel(context)
            return {"FINISHED", "PASS_THROUGH"}
        if event.type == "ESC":
            GuardInput.on_escape()
            return {"RUNNING_MODAL"}
        is_passed = event.type in _HARMLESS_EVENTS or (event.type in _CLICKS and _is_on_status_bar(context, event))
        return {"PASS_THROUGH"} if is_passed else {"RUNNING_MODAL"}

    def cancel(self, context: Any) -> None:
        """Remove the timer: Blender calls this when the window is closed or a file is opened."""
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


def _is_on_status_bar(context: Any, event: Any) -> bool:
    """Return whether the pointer is below all areas: the status bar has the button that cancels."""
    return bool(event.mouse_y < min(area.y for area in context.window.screen.areas))
