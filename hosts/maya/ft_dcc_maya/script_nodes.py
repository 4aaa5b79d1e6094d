"""Script nodes of a scene from elsewhere: it is opened without running them, and the artist is asked.

They hold code of the person who saved the scene. Source: Autodesk's node reference, ``script``, ``scriptType``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from maya import cmds

# Those that run when a scene opens, always or with a window; others wait for an event.
_AT_OPEN = (1, 2)
# Maya's own node with the time range, whose text is one command.
_CONFIGURATION = "sceneConfigurationScriptNode"
_RANGE = re.compile(r"\s*playbackOptions((?:\s+-(?:min|max|ast|aet)\s+-?[\d.]+)+)\s*;?\s*")
_NAMES = {"min": "minTime", "max": "maxTime", "ast": "animationStartTime", "aet": "animationEndTime"}
_LEAVE, _RUN = "Do not run", "Run"


def open_without(path: Path) -> None:
    """Open the scene and set its time range; raise RuntimeError as Maya does."""
    # By force: the unsaved changes have been asked about.
    cmds.file(path.as_posix(), open=True, force=True, executeScriptNodes=False)
    is_modified = bool(cmds.file(query=True, modified=True))
    _set_range()
    cmds.file(modified=is_modified)


def offer(path: Path) -> None:
    """Name the script nodes that did not run, and run them if the artist says so; without a window none runs."""
    if cmds.about(batch=True):
        return
    names = [str(name) for name in cmds.ls(type="script") or [] if int(cmds.getAttr(f"{name}.scriptType")) in _AT_OPEN]
    if not names:
        return
    answer = cmds.confirmDialog(
        title="ft-dcc",
        message=f"{path.name} is open. Its script nodes did not run: {', '.join(names)}. They contain code of the "
        "person who saved the scene. Run them?",
        button=[_LEAVE, _RUN],
        defaultButton=_LEAVE,
        cancelButton=_LEAVE,
        dismissString=_LEAVE,
    )
    if answer == _RUN:
        for name in names:
            cmds.scriptNode(name, executeBefore=True)


def _set_range() -> None:
    if cmds.objExists(_CONFIGURATION):
        found = _RANGE.fullmatch(str(cmds.getAttr(f"{_CONFIGURATION}.before") or ""))
        words = found[1].split() if found is not None else []
        values: dict[str, Any] = {_NAMES[flag[1:]]: float(value) for flag, value in zip(words[::2], words[1::2])}
        if values:
            cmds.playbackOptions(**values)
