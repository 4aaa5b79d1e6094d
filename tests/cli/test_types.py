"""An editor knows the entity types of the site."""

from __future__ import annotations

import subprocess
import sys

from ft_dcc.cli.main import run

SCRIPT = """\
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio import AssetVersion, Session


def show(session: Session, version: AssetVersion) -> None:
    reveal_type(version["version"])
    reveal_type(version["asset"])
    reveal_type(version["date"])
    reveal_type(version["components"])
    reveal_type(version["metadata"])
    reveal_type(version["link"])
    reveal_type(version["status"])
    reveal_type(session.get("Task", "id"))
    reveal_type(session.create("Shot"))
    shot = session.get("Sequence", "id")
    if shot is not None:
        reveal_type(shot["name"])
        shot["children"].append(session.create("Task"))
    author = session.create("User")
    reveal_type(version.create_note("Lift the chin.", author))
    reveal_type(version.create_component("film.mov"))
    author.start_timer(session.create("Task"))
    session.create("ProjectSchema").get_statuses("Task")
"""
REVEALED = [
    "int | None",
    "studio.Asset | None",
    "datetime.datetime | None",
    "typing.MutableSequence[studio.Component]",
    "typing.MutableMapping[str, Any]",
    "typing.Sequence[typing.Mapping[str, str]]",
    "studio.Status",
    "studio.Task | None",
    "studio.Shot",
    "str",
    "ft_dcc.session.entity.Entity",
    "ft_dcc.session.entity.Entity",
]


def plain(revealed):
    """The type in mypy's line, however its release writes the built-in ones."""
    return revealed.split('"')[1].replace("builtins.", "")


def test_a_type_checker_knows_what_is_read(signed_in, tmp_path):
    assert run(["types", "--out", str(tmp_path / "studio.pyi")]) == 0
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-incremental",
        "--config-file=",
        "script.py",
        "studio.pyi",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=250, check=False)
    assert "error:" not in done.stdout, done.stdout + done.stderr
    revealed = [line for line in done.stdout.splitlines() if "Revealed type" in line]
    assert [plain(line) for line in revealed] == REVEALED


def test_without_a_file_they_are_printed(signed_in, capsys):
    assert run(["types"]) == 0
    assert "class AssetVersion(" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_named(signed_in, tmp_path, capsys):
    missing = tmp_path / "missing" / "studio.pyi"
    assert run(["types", "--out", str(missing)]) == 1
    assert f"{missing} cannot be written: No such file or directory." in capsys.readouterr().err
