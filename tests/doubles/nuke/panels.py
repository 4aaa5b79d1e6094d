"""The module ``nukescripts.panels`` as far as the adapter uses it.

Source: ``nukescripts/panels.py``, which Foundry installs with Nuke: the text of a widget is evaluated when a panel is
shown, the panel is a command of the menu "Pane", and a saved workspace shows it by its id.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from doubles.nuke.knobs import require_type

if TYPE_CHECKING:
    from doubles.nuke.program import Nuke


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            self.__dict__["_misuses"].append(f"{self.__name__}.{name} is not modelled; model it before you use it")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def panel_modules(nuke: Nuke) -> dict[str, ModuleType]:
    def register(widget: str, name: str, id: str, create: bool = False) -> None:
        nuke.guard("registerWidgetAsPanel")
        nuke.require_window("registerWidgetAsPanel")
        for text in (widget, name, id):
            require_type(text, str, "registerWidgetAsPanel")

        def add_panel() -> None:
            nuke.panels.append(eval(widget, {})())  # noqa: S307 - as Nuke

        nuke.menus["Pane"].addCommand(name, add_panel)
        nuke.registered_panels[id] = add_panel

    def unregister(id: str, command: Any) -> None:
        nuke.guard("unregisterPanel")
        del nuke.registered_panels[id]

    panels, nukescripts = _Module("nukescripts.panels"), _Module("nukescripts")
    panels.__dict__.update(_misuses=nuke.misuses, registerWidgetAsPanel=register, unregisterPanel=unregister)
    nukescripts.__dict__.update(_misuses=nuke.misuses, panels=panels)
    return {"nukescripts": nukescripts, "nukescripts.panels": panels}
