"""Serve minimal Starlette routes as a baseline for the studio server.

``python baseline_server.py DATABASE FOLDER`` prints its address and serves, with the settings of the studio server:
``POST /row`` (one indexed read), ``POST /page`` (100 tasks of a sequence, with one SQL statement for each of their four
relations), ``POST /creates`` (the rows of tasks and of the audit log in one durable transaction), ``PUT /file/NAME``
(the bytes are on the disk) and ``GET /file/NAME``. It knows the tables of the studio server, and checks nothing.
"""

import json
import os
import sqlite3
import sys
import time
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route

COLUMNS = "id, name, description, sort, bid, start_date, end_date, created_at, parent_id, project_id, status_id"
_BLOCK_BYTES = 1 << 20
_ALWAYS = ("__entity_type__", "id", "project_id", "context_type", "object_type_id")
_PAGE_COLUMNS = list(dict.fromkeys((*_ALWAYS, *COLUMNS.split(", "), "type_id")))
_PAGE = (
    f"SELECT {', '.join('task.' + name for name in _PAGE_COLUMNS)} "
    "FROM context AS shot JOIN context AS task ON task.parent_id = shot.id "
    # The plus sign keeps SQLite from the index of all tasks.
    "WHERE shot.parent_id = ? AND +task.__entity_type__ = 'Task' LIMIT 100"
)
# The relation, its key, and the table and the columns that it is read from.
_RELATIONS = (
    ("status", "status_id", "status", "id, name"),
    ("type", "type_id", "type", "id, name"),
    ("parent", "parent_id", "context", "__entity_type__, id, context_type, name"),
    ("project", "project_id", "context", "__entity_type__, id, context_type, name"),
)
_NAMES = {"status": "Status", "type": "Type"}


async def read_row(database, request):
    request_body = json.loads(await request.body())
    row = database.execute(f"SELECT {COLUMNS} FROM context WHERE id = ?", (request_body[0]["id"],)).fetchone()
    return JSONResponse(dict(row))


async def read_page(database, request):
    """Answer with the entities of a page, each of which is complete where it occurs first."""
    (asked,) = json.loads(await request.body())
    tasks = [dict(row) for row in database.execute(_PAGE, (asked["id"],))]
    for task in tasks:
        task["created_at"] = {"__type__": "datetime", "value": task["created_at"]}
    for relation, key, table, columns in _RELATIONS:
        ids = list({task[key] for task in tasks})
        marks = ", ".join("?" * len(ids))
        rows = database.execute(f"SELECT {columns} FROM {table} WHERE id IN ({marks})", ids)
        found = {row["id"]: {"__entity_type__": _NAMES.get(relation, ""), **dict(row)} for row in rows}
        written = set()
        for task in tasks:
            entity = found[task[key]]
            is_first = task[key] not in written
            task[relation] = entity if is_first else {"__entity_type__": entity["__entity_type__"], "id": entity["id"]}
            written.add(task[key])
    metadata = {"next": {"offset": len(tasks)}}
    return JSONResponse([{"action": "query", "data": tasks, "metadata": metadata}])


async def create_tasks(database, example, request):
    """Insert tasks, with the values of an example for what they do not name, and answer with all of their values."""
    operations = json.loads(await request.body())
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    database.execute("BEGIN IMMEDIATE")
    rows = []
    for operation in operations:
        data = operation["entity_data"]
        parent = database.execute("SELECT project_id FROM context WHERE id = ?", (data["parent_id"],)).fetchone()
        rows.append({**example, **data, "project_id": parent["project_id"], "created_at": now})
    names = list(rows[0])
    marks = ", ".join("?" * len(names))
    database.executemany(
        f"INSERT INTO context ({', '.join(names)}) VALUES ({marks})", [[*row.values()] for row in rows]
    )
    database.executemany(
        "INSERT INTO ft_dcc_audit (at, user_id, username, action, entity_type, entity_id, attributes) "
        "VALUES (?, ?, 'admin', 'create', 'Task', ?, 'id name parent_id')",
        [(time.time(), example["created_by_id"] or "", row["id"]) for row in rows],
    )
    database.execute("COMMIT")
    for row in rows:
        row["created_at"] = {"__type__": "datetime", "value": now}
    known = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return JSONResponse([{"action": "create", "data": row} for row in known])


def open_database(path):
    database = sqlite3.connect(path, isolation_level=None)
    database.row_factory = sqlite3.Row
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        database.execute(f"PRAGMA {pragma}")
    return database


def read_example(database):
    row = database.execute(
        "SELECT * FROM context WHERE __entity_type__ = 'Task' AND description IS NOT NULL"
    ).fetchone()
    return {name: row[name] for name in row.keys()[1:] if name not in ("id", "name", "description")}


async def receive_file(folder, request):
    gathered = bytearray()
    with (folder / request.path_params["name"]).open("wb", buffering=0) as file:
        async for chunk in request.stream():
            gathered += chunk
            if len(gathered) >= _BLOCK_BYTES:
                await to_thread.run_sync(file.write, bytes(gathered))
                gathered.clear()
        file.write(gathered)
        await to_thread.run_sync(os.fsync, file.fileno())
    return PlainTextResponse("ok")


async def send_file(folder, request):
    return FileResponse(folder / request.path_params["name"])


def main():
    database = open_database(sys.argv[1])
    folder = Path(sys.argv[2])
    app = Starlette(
        routes=[
            Route("/row", partial(read_row, database), methods=["POST"]),
            Route("/page", partial(read_page, database), methods=["POST"]),
            Route("/creates", partial(create_tasks, database, read_example(database)), methods=["POST"]),
            Route("/file/{name}", partial(receive_file, folder), methods=["PUT"]),
            Route("/file/{name}", partial(send_file, folder)),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app, log_config=None, log_level="warning", access_log=False, server_header=False, timeout_keep_alive=75
        )
    )
    config = server.config
    config.port = 0
    listener = config.bind_socket()
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
