"""A pytest plugin: whoever imports ``ftrack_api`` gets ``ft_dcc``, as if that one line were changed."""

import importlib
import importlib.abc
import importlib.machinery
import sys


class Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds below ``ftrack_api`` what has the same path below ``ft_dcc``."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != "ftrack_api":
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        found = importlib.import_module("ft_dcc")
        for name in spec.name.split(".")[1:]:
            try:
                found = getattr(found, name)
            except AttributeError as error:
                raise ModuleNotFoundError(str(error), name=spec.name) from error
        return found

    def exec_module(self, module):
        pass


assert "ftrack_api" not in sys.modules
sys.meta_path.insert(0, Alias())
