"""The dialog as a program of its own, for files."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from ft_dcc.errors import DisplayMissing, MissingExtra
from ft_dcc.system.signals import restore_default_interrupt

# Debian's packages of the libraries that Qt needs and its wheels do not contain.
_PACKAGES = {
    "libdbus-1.so": "libdbus-1-3",
    "libEGL.so": "libegl1",
    "libfontconfig.so": "libfontconfig1",
    "libGL.so": "libgl1",
    "libglib-2.0.so": "libglib2.0-0",
    "libX11-xcb.so": "libx11-xcb1",
    "libxkbcommon-x11.so": "libxkbcommon-x11-0",
    "libxkbcommon.so": "libxkbcommon0",
}
_XCB = ("cursor", "icccm", "image", "keysyms", "render-util", "shape", "xinerama")
_PACKAGES.update({f"libxcb-{name}.so": f"libxcb-{name}0" for name in _XCB})
_BINDINGS = ("PySide6", "PySide2", "PyQt6", "PyQt5")


def run(files: Iterable[Path] = ()) -> int:
    """Show the dialog until it is closed, and return the exit code; raises MissingExtra, DisplayMissing."""
    try:
        from Qt import QtCore, QtWidgets
    except ImportError as error:
        raise _import_failure() from error
    if sys.platform.startswith("linux"):
        check_display([Path(folder) for folder in QtCore.QCoreApplication.libraryPaths()])
    from . import show

    if QtCore.qVersion().startswith("5."):
        QtWidgets.QApplication.setAttribute(QtCore.Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
        QtWidgets.QApplication.setAttribute(QtCore.Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["ft-dcc"])
    application.setStyle("Fusion")
    application.setApplicationName("ft-dcc")
    # Qt's event loop would hide Ctrl-C from Python; an interrupted publish can be resumed from its job.
    restore_default_interrupt()
    # A closed window opens again when its publish has finished.
    application.setQuitOnLastWindowClosed(False)
    show(files=files).closed.connect(application.quit)
    return int(application.exec_())


def check_display(folders: Iterable[Path]) -> None:
    """Raise DisplayMissing if Qt would end the process: without a display, or without a library of its X11 plugin.

    ``folders`` are Qt's folders of plugins.
    """
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform not in ("", "xcb") or (os.environ.get("WAYLAND_DISPLAY") and not platform):
        return
    if not os.environ.get("DISPLAY"):
        raise DisplayMissing(
            "There is no display: DISPLAY is not set. Open the dialog in a desktop session, or use: ft-dcc publish"
        )
    plugins = (folder / "platforms" / "libqxcb.so" for folder in folders)
    try:
        for plugin in filter(Path.is_file, plugins):
            ctypes.CDLL(str(plugin))
        server = ctypes.CDLL("libxcb.so.1")
    except OSError as error:
        raise missing_library(str(error)) from error
    server.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(server.xcb_connect(None, None))
    is_refused = bool(server.xcb_connection_has_error(connection))
    server.xcb_disconnect(connection)
    if is_refused:
        raise DisplayMissing(
            f"The display {os.environ['DISPLAY']} does not answer. Set DISPLAY to one that does, or use: ft-dcc publish"
        )


def missing_library(message: str) -> DisplayMissing:
    """Return the error for a library that the dynamic linker did not find; its message begins with the name."""
    library = message.partition(":")[0].strip()
    package = _PACKAGES.get(library.partition(".so")[0] + ".so")
    how = f"sudo apt install {package}" if package else "with the package manager of the system"
    return DisplayMissing(f"The dialog needs the system library {library}. Install it, on Debian and Ubuntu: {how}")


def _import_failure() -> MissingExtra | DisplayMissing:
    """Return the error for a binding that cannot be imported: it is not installed, or lacks a library of the system."""
    for binding in _BINDINGS:
        try:
            importlib.import_module(f"{binding}.QtWidgets")
        except ModuleNotFoundError:
            continue
        except ImportError as cause:
            if ".so" in str(cause):
                return missing_library(str(cause))
    return MissingExtra("ui", "The dialog")
