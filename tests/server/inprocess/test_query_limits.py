"""No query ends the server: what is near the limits of SQLite is refused by name."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ft_dcc.server.errors import ParseError

_FUZZ = Path(__file__).parents[2] / "doubles" / "query_fuzz.py"
_QUERIES = os.environ.get("FT_DCC_FUZZ_QUERIES", "12")


@pytest.mark.parametrize("module", ["sqlite3", "pysqlite3"])
def test_no_generated_query_crashes_sqlite(module: str, tmp_path: Path) -> None:
    """The oldest SQLite here is that of the system, the newest one that of pysqlite3."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    last = tmp_path / "last"
    command = [sys.executable, str(_FUZZ), module, "11", _QUERIES, str(last)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr[-2000:]}\n{last.read_text(encoding='utf-8')[:2000]}"
    assert "answered" in done.stdout


@pytest.mark.parametrize("count", [63, 64, 65, 130])
def test_too_many_terms_of_order_by_are_refused(client, count):
    names = ("name", "id", "parent.name", "project.name", "status.name", "type.name", "priority.name", "parent.id")
    paths = [f"{'parent.' * (index // 8)}{names[index % 8]}" for index in range(count)]
    with pytest.raises(ParseError, match=r"more than 16 terms in 'order by'|steps"):
        client.query(f"Task order by {', '.join(paths)}")


def test_repeated_terms_of_order_by_count_once(client):
    assert client.query(f"Task where id is none order by {', '.join(['parent.name', 'project.name'] * 60)}") == []


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (
            f"select {', '.join(f'status_id, {chr(97 + i % 26)}.b' for i in range(300))} from Task",
            "selected attributes",
        ),
        (f"Task where {'.'.join(['parent'] * 13)}.name is x", "steps in a path"),
        (f"Task where {'not ' * 70}name is x", "levels of conditions"),
        (f"Task where {' or '.join(['id is x'] * 5_001)}", "conditions"),
        (f"Task where {' or '.join(['children any ()'] * 201)}", "conditions on related entities"),
        (f"Task where name like '{'x' * 1_001}'", "at most 1000 bytes"),
        (f"Task where name like '{'%' * 60_000}'", "at most 1000 bytes"),
        (f"AssetType group by {', '.join(['name'] * 17)}", "terms in 'group by'"),
    ],
)
def test_queries_over_a_limit_are_refused_by_name(client, expression, reason):
    with pytest.raises(ParseError, match=reason):
        client.query(expression)


def test_many_joins_are_refused(client):
    paths = [f"{'in_reply_to.' * depth}{name}" for depth in range(11) for name in ("author.username", "category.name")]
    with pytest.raises(ParseError, match="related entities that are joined"):
        client.query(f"Note where {' and '.join(f'{path} is x' for path in paths)}")


def test_groups_without_selected_values_are_their_own_values(client):
    assert all(set(row) == {"id"} for row in client.query("AssetType group by id"))
