"""Send generated queries to a studio in this process, which a crash of SQLite ends.

Arguments: the module of SQLite (sqlite3 or pysqlite3), a seed, the number of queries, and a file for the last query.
"""

import importlib
import random
import sys
import tempfile
from contextlib import suppress
from pathlib import Path


def queries(schema, chosen):
    """Yield queries without end: many terms, long paths, and conditions inside each other."""
    names = [found.name for found in schema if not found.is_private]
    while True:
        type_name = chosen.choice(names)
        many = chosen.choice((1, 2, 5, 14, 17, 25, 63, 64, 65, 130))
        paths = [_path(schema, type_name, chosen) for _ in range(many)]
        selected = f"select {', '.join(paths)} from " if chosen.random() < 0.4 else ""
        where = f" where {_criteria(schema, type_name, chosen, 0)}" if chosen.random() < 0.7 else ""
        order = f" order by {', '.join(paths)}" if chosen.random() < 0.6 else ""
        group = f" group by {', '.join(paths)}" if chosen.random() < 0.1 else ""
        window = chosen.choice(("", " limit 3", " offset 2 limit 1"))
        yield f"{selected}{type_name}{where}{group}{order}{window}"


def _path(schema, type_name, chosen, depth=4, to_many=False):
    steps, here = [], schema[type_name]
    for _ in range(chosen.randint(1, depth)):
        found = [each for each in here.attributes.values() if not each.is_hidden and (to_many or not each.is_many)]
        attribute = chosen.choice(found)
        steps.append(attribute.name)
        if attribute.is_scalar:
            break
        here = schema[attribute.rows]
    return ".".join(steps)


def _criteria(schema, type_name, chosen, depth):
    kind = chosen.random()
    if depth < 6 and kind < 0.35:
        word, count = chosen.choice((" and ", " or ")), chosen.choice((2, 3, 7, 40))
        return f"({word.join(_criteria(schema, type_name, chosen, depth + 2) for _ in range(count))})"
    if depth < 9 and kind < 0.6:
        relations = [
            each for each in schema[type_name].attributes.values() if not each.is_scalar and not each.is_hidden
        ]
        if relations:
            relation = chosen.choice(relations)
            return f"{relation.name} any ({_criteria(schema, relation.rows, chosen, depth + 1)})"
    path = _path(schema, type_name, chosen, to_many=True)
    if kind < 0.7:
        return f"not {path} in (select id from {type_name} where {_path(schema, type_name, chosen)} is none)"
    operator = chosen.choice(("is", "is_not", "like", "<", ">="))
    return f"{path} {operator} {chosen.choice(('none', '1', 'x', '2024-01-01'))}"


def main(module, seed, count, last):
    """Run the queries as an administrator, and as users of all and of some projects."""
    if module != "sqlite3":
        sys.modules["sqlite3"] = importlib.import_module(module)
        sys.modules["sqlite3.dbapi2"] = importlib.import_module(f"{module}.dbapi2")
    from ft_dcc.server.auth.permissions import UNLIMITED, Permissions
    from ft_dcc.server.context import open_server_context
    from ft_dcc.server.errors import HttpError
    from ft_dcc.server.query.loader import QueryContext

    users = [UNLIMITED, *(Permissions(False, False, projects, projects) for projects in (None, ("a", "b")))]
    with tempfile.TemporaryDirectory() as folder, open_server_context(Path(folder)) as studio:
        answered = 0
        generated = queries(studio.schema, random.Random(seed))
        for index in range(int(count)):
            expression = next(generated)
            Path(last).write_text(expression, encoding="utf-8")
            with studio.store.reading() as connection, suppress(HttpError):
                studio.planner.find(QueryContext(connection, "", users[index % 3], "somebody"), expression)
                answered += 1
    import sqlite3

    print(f"SQLite {sqlite3.sqlite_version}: {answered} of {count} answered")


if __name__ == "__main__":
    main(*sys.argv[1:])
