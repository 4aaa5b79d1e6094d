"""The examples of the project's own pages about the session run."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "td" / "session.md"


@pytest.fixture
def names(session, project, project_shot, project_task, signed_in, tmp_path):
    asset = session.create("Asset", {"name": "film", "parent": project_shot})
    session.commit()
    movie = tmp_path / "film.mov"
    movie.write_bytes(b"a film" * 100)
    user = session.query("User where username is 'admin'").one()
    entities = {"project": project, "shot": project_shot, "task": project_task, "asset": asset, "user": user}
    return {"__name__": "document", "session": session, **entities, "film": movie, "folder": tmp_path}


def _python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_every_example_of_the_session_runs(names):
    blocks = _python_blocks(PAGE)
    assert len(blocks) == 15
    for number, block in enumerate(blocks):
        # The first example is a script of its own; the others go on with one another's names.
        scope = names if number else dict(names)
        exec(compile(block, f"example {number + 1} of {PAGE.name}", "exec"), scope)  # noqa: S102


def test_readme_example_prints_the_newest_versions(names, session, capsys):
    task = session.create("Task", {"name": "Animation", "parent": names["shot"]})
    session.create("AssetVersion", {"asset": names["asset"], "task": task, "comment": "as in the README"})
    session.commit()
    (block,) = _python_blocks(ROOT / "README.md")
    exec(compile(block, "the README's example", "exec"), names)  # noqa: S102
    assert "film 1 as in the README" in capsys.readouterr().out
