"""Run one measure of one client: ``python client.py MODULE MEASURE`` prints the figures as JSON.

MODULE is ``ftrack_api`` or ``ft_dcc``; the same code runs for both.
"""

import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path

SCALARS = "name, description, sort, bid, start_date, end_date, created_at, parent_id, project_id, status_id"
RELATIONS = "status.name, type.name, parent.name, project.name"


def cpu(function):
    """Return the CPU milliseconds that the function takes, and its result."""
    gc.collect()
    before = time.process_time()
    value = function()
    return (time.process_time() - before) * 1000, value


def main():
    """Run the measure named on the command line."""
    name = sys.argv[2]
    if name == "import":
        print(json.dumps({"value": cpu(lambda: importlib.import_module(sys.argv[1]).Session)[0]}))
        return
    api = importlib.import_module(sys.argv[1])
    print(json.dumps(MEASURES[name](api)))


def start(api):
    # The first session fills the schema cache and pays for late imports.
    api.Session().close()
    return {"value": cpu(api.Session)[0]}


def read_tasks(api, projections):
    session = api.Session()

    def read():
        tasks = session.query(f"select {projections} from Task where project.name is BenchTasks").all()
        for task in tasks:
            task["name"]
        return tasks

    ms, tasks = cpu(read)
    assert len(tasks) == 10000, len(tasks)
    return {"value": ms}


def plain(api):
    """Fetch and parse the same pages with requests and json only."""
    import requests

    expression = f"select {SCALARS} from Task where project.name is BenchTasks"
    headers = {"ftrack-user": os.environ["FTRACK_API_USER"], "ftrack-api-key": os.environ["FTRACK_API_KEY"]}
    http = requests.Session()

    def read():
        rows = []
        for offset in range(0, 10001, 500):
            query = {"action": "query", "expression": f"{expression} offset {offset} limit 500"}
            answer = http.post(os.environ["FTRACK_SERVER"] + "/api", json=[query], headers=headers, timeout=60)
            rows += json.loads(answer.content)[0]["data"]
        return rows

    ms, rows = cpu(read)
    assert len(rows) == 10000, len(rows)
    return {"value": ms}


def kept_memory(api):
    session = api.Session()
    session.query(f"select {SCALARS} from Task where project.name is BenchTasks limit 10").all()
    gc.collect()
    before = resident()
    tasks = session.query(f"select {SCALARS} from Task where project.name is BenchTasks").all()
    for task in tasks:
        task["name"]
    gc.collect()
    return {"value": (resident() - before) / 2**20}


def resident():
    """Return the resident memory of this process in bytes."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def read_attribute(api):
    session = api.Session()
    task = session.query("select name from Task where project.name is BenchTasks").first()
    task["name"]

    def read():
        for _ in range(200_000):
            task["name"]

    # The loop takes a few milliseconds; the fastest of 25 runs excludes interruptions by other processes.
    return {"value": min(cpu(read)[0] for _ in range(25)) / 200_000 * 1000}


def unprojected(api):
    import requests

    session = api.Session()
    tasks = session.query("select name from Task where project.name is BenchTasks limit 200").all()
    sent = []
    send = requests.Session.send
    requests.Session.send = lambda self, *given, **named: (sent.append(1), send(self, *given, **named))[1]
    for task in tasks:
        task["description"]
    return {"value": len(sent)}


def creates(api):
    session = api.Session()
    parent = session.query("Project where name is BenchWrites").one()

    def create():
        for number in range(1000):
            data = {"name": f"{os.getpid()}-{number}", "parent_id": parent["id"], "project_id": parent["id"]}
            session.create("Folder", data)
        session.commit()

    return {"value": cpu(create)[0]}


def update_with_cached(api, cached):
    session = api.Session()
    if cached:
        kept = session.query("select name from Task where project.name is BenchTasks").all()
        assert len(kept) == 10000
    task = session.query("select name, description from Task where project.name is BenchTasks").first()
    # The first commit pays for late imports.
    task["description"] = "before"
    session.commit()
    task["description"] = str(time.time())
    return {"value": cpu(session.commit)[0]}


def metadata(api, count):
    session = api.Session()
    parent = session.query("Project where name is BenchWrites").one()

    def create():
        for number in range(count):
            name = f"m{os.getpid()}-{number}"
            task = session.create("Folder", {"name": name, "parent_id": parent["id"], "project_id": parent["id"]})
            for key in ("one", "two", "three"):
                task["metadata"][key] = "value"

    return {"value": cpu(create)[0]}


def upload(api):
    session = api.Session()
    location = session.query('Location where name is "ftrack.server"').one()
    before = time.perf_counter()
    component = session.create_component(os.environ["BENCH_FILE"], {"name": "big"}, location=location)
    session.commit()
    took = (time.perf_counter() - before) * 1000
    # The next run finds the disk and the page cache as this one did.
    location.remove_component(component)
    return {"value": took}


MEASURES = {
    "start": start,
    "scalars": lambda api: read_tasks(api, SCALARS),
    "relations": lambda api: read_tasks(api, f"{SCALARS}, {RELATIONS}"),
    "plain": plain,
    "memory": kept_memory,
    "attribute": read_attribute,
    "unprojected": unprojected,
    "creates": creates,
    "update-0": lambda api: update_with_cached(api, False),
    "update-10000": lambda api: update_with_cached(api, True),
    "metadata-500": lambda api: metadata(api, 500),
    "metadata-1000": lambda api: metadata(api, 1000),
    "upload": upload,
}

if __name__ == "__main__":
    main()
