"""A small script for the double: frames 1001 to 1012 at 24 fps, 64x36, a Read and a Write, never saved."""

from doubles.nuke.program import Nuke


def build(folder, version="15.1v3", *, is_gui=True):
    """Return a program with the script open; renders go to the folder."""
    nuke = Nuke(version, is_gui=is_gui)
    knobs = nuke.root._knobs
    knobs["first_frame"]._value, knobs["last_frame"]._value = 1001, 1012
    plate = nuke.make("Read")
    set_knobs(plate, file=(folder / "plate" / "plate.%04d.exr").as_posix(), first=1001, last=1012)
    write = nuke.make("Write")
    write._inputs = [plate]
    set_knobs(write, file=(folder / "out" / "comp.%04d.png").as_posix())
    (folder / "out").mkdir(parents=True, exist_ok=True)
    nuke.root.is_modified, nuke.undo, nuke.selection = False, ["the artist's own step"], [plate]
    nuke.root.frame_number = 1004
    return nuke


def set_knobs(node, **values):
    for name, value in values.items():
        node._knobs[name]._value = value
