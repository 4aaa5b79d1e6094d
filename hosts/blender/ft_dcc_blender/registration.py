"""Registration of the add-on's classes, properties and timers, and the removal of its modules."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import bpy

from . import main_thread
from .scene import compare, feedback, input_guard, render_log, scene_file, strips
from .ui import controller, menus, operators, panel, preferences, properties, review_panels, settings_panels

# Restoring the scene waits for the frame that is being drawn.
_RESTORE_TIMEOUT_SECONDS = 60
# Cancelled threads end soon, unless one waits for a server that does not answer.
_THREADS_TIMEOUT_SECONDS = 2.0

_CLASSES = (
    preferences.Preferences,
    properties.SourceName,
    properties.PublishProperties,
    input_guard.GuardInput,
    *operators.CLASSES,
    panel.ReviewPanel,
    review_panels.NotesPanel,
    settings_panels.CameraPanel,
    settings_panels.LookPanel,
    settings_panels.OutputPanel,
    settings_panels.VersionPanel,
    review_panels.VersionsPanel,
    review_panels.TasksPanel,
)


def register() -> None:
    """Register everything; a session is opened when it is first needed."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    # The window manager is not saved or undone, so that the choices for a publish are not part of the scene.
    bpy.types.WindowManager.ft_dcc = bpy.props.PointerProperty(type=properties.PublishProperties)
    input_guard.GuardInput.is_about_to_capture = staticmethod(lambda: controller.CONTROLLER.is_capturing)
    input_guard.GuardInput.on_escape = staticmethod(controller.CONTROLLER.cancel)
    menus.add()
    render_log.install()
    main_thread.start_serving()
    controller.start_redrawing()


def unregister() -> None:
    """Remove everything; a running publish is cancelled, and its job waits in the queue."""
    is_publishing = controller.CONTROLLER.is_publishing
    controller.CONTROLLER.close()
    if is_publishing:
        # Nothing runs the calls of its thread afterwards, such as the one that restores the scene.
        controller.CONTROLLER.wait(_RESTORE_TIMEOUT_SECONDS)
    controller.stop_redrawing()
    menus.remove()
    render_log.uninstall()
    feedback.clear()
    compare.clear()
    strips.remove_neighbours()
    controller.CONTROLLER.version_files.forget_movie()
    panel.clear_icons()
    main_thread.stop_serving()
    scene_file.stop_counting()
    if hasattr(bpy.types.WindowManager, "ft_dcc"):
        del bpy.types.WindowManager.ft_dcc
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)


def remove_modules(package: str) -> None:
    """Remove the modules of this add-on from ``sys.modules``, with those of the core unless something else uses it.

    All of them stay while a thread of the add-on runs, because it imports modules when it needs them.
    """
    until = time.monotonic() + _THREADS_TIMEOUT_SECONDS
    threads = [each for each in threading.enumerate() if each.name.startswith(("ft-dcc", "ft_dcc"))]
    for each in threads:
        main_thread.serve_until_ended(each, max(0.0, until - time.monotonic()))
    if any(each.is_alive() for each in threads):
        return
    names, suffix = set(_modules_of(package)), ".registration"
    # Blender can have an extension and a classic add-on.
    others = {name[: -len(suffix)] for name in tuple(sys.modules) if name.endswith(suffix)} - {package}
    ours = (each for each in others if f"{each}.scene.input_guard" in sys.modules)
    # Blender sets this attribute of each add-on.
    if not any(vars(sys.modules[each]).get("__addon_enabled__") for each in ours):
        names |= _core_modules()
    for name in names:
        del sys.modules[name]


def _modules_of(package: str) -> list[str]:
    return [name for name in tuple(sys.modules) if name == package or name.startswith(f"{package}.")]


def _core_modules() -> set[str]:
    """Return the names of the core's modules, and of those that the classic add-on has beside it."""
    core = sys.modules.get("ft_dcc")
    if core is None or "imported_by_add_on" not in vars(core):
        return set()
    found, folder = set(_modules_of("ft_dcc")), Path(str(core.__file__)).parents[1]
    if folder.name == "vendored":
        for name, module in tuple(sys.modules.items()):
            # Not ``getattr``, which runs code of modules that import others on demand.
            file = getattr(module, "__dict__", {}).get("__file__")
            if file and folder in Path(file).parents:
                found.add(name)
    return found
