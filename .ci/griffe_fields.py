"""Document the fields of attrs classes in the API reference: their comments, or their help on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import griffe


class Fields(griffe.Extension):
    """Adds a section "Attributes" to the docstring of each attrs class, with the inherited fields."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **kwargs: Any) -> None:
        """Run when a package is loaded."""
        for module in _modules(pkg):
            for each in list(module.classes.values()):
                if not each.is_alias and _is_attrs(each):
                    _document(each)


def _modules(module: griffe.Module) -> list[griffe.Module]:
    own = [each for each in module.modules.values() if not each.is_alias]
    return [module, *(found for each in own for found in _modules(each))]


def _is_attrs(cls: griffe.Class) -> bool:
    return any(str(decorator.value).startswith("attrs.") for decorator in cls.decorators)


def _document(cls: griffe.Class) -> None:
    lines = []
    for owner in [*reversed([base for base in cls.mro() if _is_attrs(base)]), cls]:
        for field in owner.attributes.values():
            if (
                field.name.startswith("_")
                or field.annotation is None
                or (field.value is None and "property" in field.labels)
            ):
                continue
            kind = str(field.annotation)
            lines.append(f"    {field.name} ({kind}): {_meaning(field)}")
    if lines and cls.docstring is not None and "\nAttributes:\n" not in cls.docstring.value:
        cls.docstring.value += "\n\nAttributes:\n" + "\n".join(lines)


def _meaning(field: griffe.Attribute) -> str:
    """Return the comment above the field, the help of its option, or its default."""
    source = Path(str(field.filepath)).read_text(encoding="utf-8").splitlines()
    comment, number = [], (field.lineno or 1) - 2
    while source[number].strip().startswith("# "):
        comment.insert(0, source[number].strip()[2:])
        number -= 1
    arguments = getattr(field.value, "arguments", ())
    texts = [
        str(each)[1:-1]
        for each in arguments
        if str(each)[:1] in "\"'" and str(each).endswith((".'", '."', '.".', ".'"))
    ]
    default = "" if field.value is None or arguments else f" Default: `{field.value}`."
    return " ".join(comment or texts[:1]) + default or "Required."
