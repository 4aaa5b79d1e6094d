"""Print what the official client offers: each public name of each module, with its parameters and members."""

import importlib
import inspect
import json
import pkgutil

import ftrack_api


def parameters(value):
    try:
        found = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in found if each.kind not in variable and not each.name.startswith(("_", "self"))]


def described(value):
    is_class = inspect.isclass(value)
    # What every error or mapping has is Python's affair.
    inherited = (
        {name for kind in value.__mro__ if not kind.__module__.startswith("ftrack_api") for name in dir(kind)}
        if (is_class)
        else set()
    )
    names = [name for name in dir(value) if not name.startswith("_") and name not in inherited] if is_class else []
    members = {name: getattr(value, name) for name in names}
    return {
        "parameters": parameters(value) if callable(value) else None,
        "members": {name: parameters(each) if callable(each) else None for name, each in members.items()},
    }


names = {"mixin": described(ftrack_api.mixin)}
for info in pkgutil.walk_packages(ftrack_api.__path__, "ftrack_api."):
    if "._" in info.name:
        continue
    module = importlib.import_module(info.name)
    for name, value in vars(module).items():
        own = getattr(value, "__module__", info.name) == info.name
        if own and not name.startswith("_") and not inspect.ismodule(value):
            names[f"{info.name[len('ftrack_api.') :]}.{name}"] = described(value)
print(json.dumps(names))
