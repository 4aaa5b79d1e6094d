from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor


def in_a_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_thread_commits_only_its_own_changes(session, open_session, project_shot, project_task):
    project_task["name"] = "unfinished"

    def work():
        task = session.create("Task", {"name": "other", "parent": project_shot})
        session.commit()
        return task["id"]

    task_id = in_a_thread(work)
    reader = open_session()
    assert reader.get("Task", task_id)["name"] == "other"
    assert reader.get("Task", project_task["id"])["name"] == "animation"
    session.commit()
    assert open_session().get("Task", project_task["id"])["name"] == "unfinished"


def test_rollback_keeps_the_changes_of_other_threads(session, project_shot, project_task):
    project_task["name"] = "mine"

    def work():
        session.create("Task", {"name": "x", "parent": project_shot})
        session.rollback()
        return len(session.recorded_operations)

    assert in_a_thread(work) == 0
    assert project_task["name"] == "mine"
    assert len(session.recorded_operations) == 1
    session.rollback()


def test_switches_apply_to_one_thread(session):
    with session.auto_populating(False), session.operation_recording(False):
        assert in_a_thread(lambda: (session.auto_populate, session.record_operations)) == (True, True)


def test_eight_threads_share_one_session(session, open_session, project_shot):
    start = threading.Barrier(8)

    def work(number):
        start.wait()
        for step in range(5):
            task = session.create("Task", {"name": f"t{number}_{step}", "parent": project_shot})
            task["metadata"]["who"] = str(number)
            session.commit()
            task["description"] = f"{number}"
            session.commit()
            found = session.query(f"select name, parent.name, status.name from Task where id is {task['id']}").one()
            assert found is task
            assert found["parent"] is project_shot
            assert found["status"]["name"]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    reader = open_session()
    tasks = reader.query(f"select name, description, metadata from Task where parent_id is {project_shot['id']}").all()
    assert len(tasks) == 40
    assert {task["name"]: task["metadata"]["who"] for task in tasks} == {
        f"t{number}_{step}": str(number) for number in range(8) for step in range(5)
    }
    assert all(task["description"] == task["metadata"]["who"] for task in tasks)


def test_concurrent_threads_get_one_object(open_session, project_task):
    session = open_session()
    start = threading.Barrier(8)

    def read(_):
        start.wait()
        return session.query(f"select name, parent.name from Task where id is {project_task['id']}").one()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read, range(8)))
    assert all(task is found[0] for task in found)
