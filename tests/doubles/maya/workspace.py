"""The panels of the double's workspaces, which are real widgets, and the class that finds them."""


def workspace_control(maya, call):
    """Keep a panel; Maya runs its script when it becomes visible for the first time."""
    interface, name = maya.interface, call.first()
    if "exists" in call.flags:
        found = interface.controls.get(name)
        return found is not None and found.kind == "workspace"
    if call.mode == "create":
        interface.add(name, "workspace", "MayaWindow", **call.flags)
        return name
    control = interface.require(call.command, name, "workspace")
    if "tabToControl" in call.flags:
        interface.require(call.command, call.flags["tabToControl"][0], "workspace")
    control.values.update(call.flags)
    if call.flags.get("restore"):
        show(maya, name)
    return None


def show(maya, name):
    values = maya.interface.controls[name].values
    if "widget" not in values:
        values["widget"] = _make_widget()
        exec(values["uiScript"], {})  # noqa: S102 - as Maya does
    values["widget"].show()


def hide(maya, name):
    """Close a panel, which Maya keeps unless it was made with ``retain=False``."""
    maya.interface.controls[name].values["widget"].hide()


def qt_utilities(maya):
    """Return the class that finds the widget of a control: it returns a pointer to it, or None."""

    class MQtUtil:
        @staticmethod
        def findControl(name):  # noqa: N802 - the name in Maya
            from Qt import QtCompat

            found = maya.interface.controls.get(name)
            widget = None if found is None else found.values.get("widget")
            return None if widget is None else QtCompat.getCppPointer(widget)

    return MQtUtil


def _make_widget():
    from Qt import QtWidgets

    widget = QtWidgets.QWidget()
    QtWidgets.QVBoxLayout(widget)
    return widget
