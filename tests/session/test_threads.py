import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import pytest
from run_options import TIMEOUT_SECONDS


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


def names_below(session, parent):
    return sorted(each["name"] for each in session.query(f"select name from Task where parent_id is {parent['id']}"))


def create_in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def create_in_executor(work):
    pool = ThreadPoolExecutor(1)
    pool.submit(work).result()
    return pool.shutdown


def create_in_pool(work):
    pool = ThreadPool(1)
    pool.apply(work)
    return lambda: (pool.terminate(), pool.join())


@pytest.mark.parametrize("run", [create_in_thread, create_in_executor, create_in_pool])
def test_main_thread_commits_what_a_finished_worker_created(session, open_session, project_shot, run):
    def work():
        task = session.create("Task", {"name": "made", "parent": project_shot})
        task["description"] = "in a worker"

    # The workers of a pool are still alive when the main thread commits.
    end = run(work)
    try:
        assert session.recorded_operations
        session.commit()
    finally:
        if end is not None:
            end()
    reader = open_session()
    assert names_below(reader, project_shot) == ["made"]
    assert reader.query("Task where name is made").first()["description"] == "in a worker"


def test_changes_of_several_threads_are_sent_in_the_order_in_which_they_were_made(session, open_session, project):
    with ThreadPoolExecutor(1) as pool:
        shot = pool.submit(session.create, "Shot", {"name": "from_worker", "parent": project}).result()
        task = session.create("Task", {"name": "from_main", "parent": shot})
        pool.submit(task.__setitem__, "name", "renamed").result()
        session.commit()
    assert names_below(open_session(), shot) == ["renamed"]


def test_main_thread_leaves_the_changes_of_a_working_thread(session, open_session, project_shot, project_task):
    created, committed = threading.Event(), threading.Event()

    def work():
        task = session.create("Task", {"name": "half", "parent": project_shot})
        created.set()
        assert committed.wait(TIMEOUT_SECONDS)
        task["name"] = "whole"
        session.commit()

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(work)
        assert created.wait(TIMEOUT_SECONDS)
        project_task["description"] = "committed by the main thread"
        session.commit()
        before = names_below(open_session(), project_shot)
        committed.set()
        job.result()
    assert "half" not in before
    assert names_below(open_session(), project_shot) == sorted([*before, "whole"])


def test_rollback_in_the_main_thread_reverts_what_a_failed_worker_left(session, open_session, project_shot):
    def work():
        session.create("Task", {"name": "half", "parent": project_shot})
        raise ValueError("The second half is missing.")

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ValueError, match="second half"):
            pool.submit(work).result()
        session.rollback()
        session.create("Task", {"name": "other", "parent": project_shot})
        session.commit()
    assert names_below(open_session(), project_shot) == ["other"]


def test_worker_commits_and_rolls_back_only_its_own_changes(session, open_session, project_shot):
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        first.submit(session.create, "Task", {"name": "first", "parent": project_shot}).result()
        second.submit(session.rollback).result()
        second.submit(session.commit).result()
        assert names_below(open_session(), project_shot) == []
        session.commit()
    assert names_below(open_session(), project_shot) == ["first"]
