"""OpenCue: give each layer the variables of ft-dcc that the submitting process has.

A plugin of PyOutline, which calls ``init`` for each new layer, also for those of CueSubmit. A variable that the layer
has already is kept. Without FT_DCC_RENDER, the tasks of a job belong together by CUE_JOB_ID. Sources: OpenCue,
pyoutline/outline/layer.py (LayerType, set_env) and pyoutline/outline/plugins/manager.py.
"""

import os

VARIABLES = ("FT_DCC_RENDER", "FT_DCC_RENDERS", "FT_DCC_RENDER_FRAMES")


def init(layer):
    """Add the variables to the environment of the layer's tasks."""
    for name in VARIABLES:
        value = os.environ.get(name)
        if value and layer.get_env(name) is None:
            layer.set_env(name, value)
