"""Write the parts of the reference that the repository shows, too: the commands, and an overview of each API page.

``python .ci/reference.py`` writes docs/td/command-line.md and docs/api/*.md; a test compares them with the code.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import griffe

from ft_dcc.cli.main import command as root_command

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
_BEGIN, _END = "<!-- Written by .ci/reference.py: -->\n", "<!-- Until here. -->\n"


def pages() -> dict[Path, str]:
    """Return the text that each page should have."""
    package = griffe.load(
        "ft_dcc", search_paths=[ROOT], extensions=griffe.load_extensions(ROOT / ".ci/griffe_fields.py")
    )
    found = {page: page.read_text(encoding="utf-8") for page in sorted((DOCS / "api").glob("*.md"))}
    texts = {
        page: _replaced(text, _overview(package, re.findall(r"^::: ft_dcc\.(\S+)", text, re.M)))
        for page, text in found.items()
        if "\n::: " in text
    }
    page = DOCS / "td" / "command-line.md"
    context = click.Context(root_command, info_name="ft-dcc")
    texts[page] = _replaced(page.read_text(encoding="utf-8"), "\n".join(_commands(context)) + "\n")
    return texts


def _replaced(text: str, part: str) -> str:
    before, _, rest = text.partition(_BEGIN)
    return f"{before}{_BEGIN}\n{part}\n{_END}{rest.partition(_END)[2]}"


def _commands(context: click.Context) -> Iterator[str]:
    """Yield the lines about a command and the commands below it."""
    command = context.command
    yield f"{'###' if context.parent and context.parent.parent else '##'} `{context.command_path}`\n"
    arguments = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{arguments}\n```\n"
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        is_verbatim = paragraph.startswith("\b\n")
        yield f"```text\n{paragraph[2:]}\n```\n" if is_verbatim else f"{_escaped(' '.join(paragraph.split()))}\n"
    records = filter(None, (parameter.get_help_record(context) for parameter in command.get_params(context)))
    rows = [(name, text) for name, text in records if text]
    if rows:
        yield "| option | meaning |\n|---|---|"
        yield from (f"| `{name.replace('|', ', ')}` | {_escaped(text)} |" for name, text in rows)
        yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from _commands(click.Context(below, info_name=name, parent=context))


def _overview(package: griffe.Module, names: list[str]) -> str:
    rows = ["| name | meaning |", "|---|---|"]
    for name in names:
        shown = package[name]
        rows += _rows(shown.members.values() if shown.is_module else [shown])
    return "\n".join(rows) + "\n"


def _rows(members: object) -> Iterator[str]:
    for member in members:  # type: ignore[attr-defined]
        if member.is_alias or member.name.startswith("_") or not (member.is_class or member.is_function):
            continue
        yield _row(member.name, member)
        if member.is_class:
            for name, method in member.all_members.items():
                # Aliases of inherited methods; those of classes outside of the package cannot be resolved.
                if not name.startswith("_") and "ft_dcc" in method.canonical_path and method.is_function:
                    yield _row(f"{member.name}.{name}", method)


def _row(name: str, shown: griffe.Class | griffe.Function) -> str:
    arguments = ""
    if "property" not in shown.labels:
        listed = [each.name for each in shown.parameters if each.name not in ("self", "cls")]
        sections = [] if shown.docstring is None else shown.docstring.parse(griffe.Parser.google)
        fields = [each.name for section in sections if section.kind.value == "attributes" for each in section.value]
        arguments = f"({', '.join(listed or fields)})"
    first = "" if shown.docstring is None else shown.docstring.value.strip().split("\n\n")[0]
    return f"| `{name}{arguments}` | {_escaped(' '.join(first.split()))} |"


def _escaped(text: str) -> str:
    """Return the text for a table, with its quoted examples as code."""
    text = re.sub(r"'([^']*[/{%][^']*)'", r"`\1`", text)
    text = re.sub(r"(?<![`\w/:])(\w+(?:/[\w{}.%]+){2,}(?<!\.))", r"`\1`", text)
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("``", "`")


if __name__ == "__main__":
    for path, content in pages().items():
        path.write_text(content, encoding="utf-8")
