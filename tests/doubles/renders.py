"""Recorded renders of a Write, with the files that they have written."""

from doubles.colour_bars import painted

from ft_dcc.frames import Resolution
from ft_dcc.renders.log import RenderExecution, RenderLogWriter, RenderOptions


def record_render(frames, name, *, view="main", size="64x36", ends=True, options=(), logs=None, **values):
    """Record a render of a farm, and return its log; ``name`` has a field for the number of each frame's file."""
    parts = {"render": "job 1", "node": "Write1", "script": "comp.nk", "program": "Nuke 15.1", "fps": "24"}
    parts = {**parts, "script_range": (1001, 1004), "views": ("main",), **values}
    options = RenderOptions(**{"when": "always", **dict(options)})
    record = RenderLogWriter.start(RenderExecution(**parts, options=options), logs)
    for frame in frames:
        path = name.parent / name.name.format(frame)
        if not path.exists():
            path.write_bytes(painted(frame, Resolution.parse(size)))
        record.add(frame, {view: str(path)})
    if ends:
        record.end()
    return record
