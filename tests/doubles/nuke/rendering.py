"""``nuke.execute`` of the double: the order of callbacks, cancels, views and proxies, and real image files.

Sources: Foundry's Python guide, "Callbacks" (the text of a knob first, then what was added for the class, then for all
classes; an exception ends the render; no afterFrameRender for a cancelled frame), and the reference of
``nuke.execute``. What is not documented can be switched: on which thread callbacks run, and whether once per view.
"""

import threading
from pathlib import Path

from doubles.colour_bars import painted
from doubles.nuke.nodes import Group

from ft_dcc.frames import Resolution


def execute(nuke, node, first, last, step, views):
    """Render the Write, or every Write in the group; raise RuntimeError for what Nuke refuses."""
    writes = [each for each in (node.every_node() if isinstance(node, Group) else [node]) if each._kind == "Write"]
    if not writes:
        raise RuntimeError(f"{node.path} cannot be executed")
    nuke.is_executing = True
    try:
        for write in writes:
            _on_its_thread(nuke, lambda write=write: _execute_one(nuke, write, first, last, step, views))
    finally:
        nuke.is_executing = False


def _on_its_thread(nuke, work):
    """Render on this thread or another one, as configured: Nuke does not document which thread it uses."""
    if not nuke.renders_in_thread:
        work()
        return
    errors = []

    def run():
        nuke.rendering_threads.add(threading.get_ident())
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again where the render was begun
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def _execute_one(nuke, write, first, last, step, views):
    chosen = str(write._knobs["views"]._value).split() or list(nuke.view_names)
    wanted = [view for view in chosen if views is None or view in views]
    before = nuke.root.frame_number
    try:
        nuke.view = wanted[0]
        for inspect in nuke.inspectors:
            inspect()
        _call(nuke, write, "beforeRender")
        for frame in range(first, last + 1, step):
            nuke.root.frame_number = frame
            _frame(nuke, write, frame, wanted)
        nuke.view = wanted[0]
        if nuke.calls_after_render:
            _call(nuke, write, "afterRender")
    finally:
        nuke.root.frame_number = before


def _frame(nuke, write, frame, views):
    for number, view in enumerate(views):
        nuke.view = view
        if nuke.calls_for_each_view or number == 0:
            _call(nuke, write, "beforeFrameRender")
        if nuke.cancel_at is not None and frame >= nuke.cancel_at:
            raise RuntimeError("Cancelled by the user")
        _write(nuke, write, frame)
        _show_progress(nuke, write)
        if nuke.calls_for_each_view or number == len(views) - 1:
            if not nuke.calls_for_each_view:
                nuke.view = views[0]
            _call(nuke, write, "afterFrameRender")


def _call(nuke, write, event):
    nuke.events.append((event, write.path, nuke.root.frame_number, nuke.view))
    nuke.run_script_of(write, event)
    nuke.call_registered(event, write)


def _show_progress(nuke, write):
    """Run the callbacks of the progress bar; behind its dialog Nuke may be idle, so that it updates all nodes."""
    nuke.run_script_of(write, "renderProgress")
    nuke.call_registered("renderProgress", write)
    if nuke.is_gui:
        for node in nuke.root.every_node():
            nuke.run_script_of(node, "updateUI")
            nuke.call_registered("updateUI", node)


def _write(nuke, write, frame):
    path = Path(nuke.file_of(write, _file_number(nuke, write, frame)))
    if not path.parent.is_dir():
        raise RuntimeError(f"{write.path}: {path}: No such file or directory")
    size = _size(nuke, write)
    try:
        if path.suffix == ".png":
            path.write_bytes(painted(frame, size))
        elif path.suffix in (".exr", ".dpx"):
            _write_floats(path, frame, size)
        else:
            raise NotImplementedError(f"{path.suffix} is not drawn here")
    except OSError as error:
        raise RuntimeError(f"{write.path}: {path}: {error.strerror}") from error
    nuke.drawn.append((write.path, frame, str(path), str(size)))


def _file_number(nuke, write, frame):
    """Return the number of the frame in its file's name, by the three frame modes of Foundry's reference."""
    knobs = {name: write._knobs[name]._value for name in ("frame_mode", "frame", "use_limit", "first")}
    if not knobs["frame"]:
        return frame
    if knobs["frame_mode"] == "expression":
        return int(eval(knobs["frame"], {"frame": frame}))  # noqa: S307 - of the tests
    first = knobs["first"] if knobs["use_limit"] else nuke.root.firstFrame()
    return frame + int(knobs["frame"]) - (first if knobs["frame_mode"] == "start at" else 0)


def _write_floats(path, frame, size):
    import numpy as np
    import OpenImageIO

    # Middle grey with a white line that moves one pixel to the right per frame.
    pixels = np.full((size.height, size.width, 3), 0.18, dtype=np.float32)
    pixels[:, frame % size.width] = 1.0
    output = OpenImageIO.ImageOutput.create(str(path))
    output.open(
        str(path), OpenImageIO.ImageSpec(size.width, size.height, 3, "uint16" if path.suffix == ".dpx" else "half")
    )
    output.write_image(pixels)
    output.close()


def _size(nuke, write):
    node = write
    part = 2 if nuke.root._knobs["proxy"]._value else 1
    while node is not None:
        if node._kind == "Reformat":
            values = {name: knob._value for name, knob in node._knobs.items()}
            if (values["type"], values["box_fixed"], values["resize"]) != ("to box", True, "fit"):
                raise NotImplementedError("only a reformat to a fixed box is drawn here")
            return Resolution(values["box_width"] // part, values["box_height"] // part)
        node = node._inputs[0] if node._inputs else None
    found = nuke.format_named(nuke.root._knobs["format"]._value)
    return Resolution(found.width() // part, found.height() // part)
