"""Serve minimal Starlette routes as a baseline for the studio server.

``python baseline_server.py DATABASE FOLDER`` serves ``POST /row`` (one indexed read), ``PUT /file/NAME`` (the bytes are
on the disk) and ``GET /file/NAME``, with the settings of the studio server, and prints its address.
"""

import json
import os
import sqlite3
import sys
from functools import partial
from pathlib import Path

import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route

COLUMNS = "id, name, description, sort, bid, start_date, end_date, created_at, parent_id, project_id, status_id"
_BLOCK_BYTES = 1 << 20


async def read_row(database, request):
    request_body = json.loads(await request.body())
    row = database.execute(f"SELECT {COLUMNS} FROM context WHERE id = ?", (request_body[0]["id"],)).fetchone()
    return JSONResponse(dict(row))


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
    database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    folder = Path(sys.argv[2])
    app = Starlette(
        routes=[
            Route("/row", partial(read_row, database), methods=["POST"]),
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
