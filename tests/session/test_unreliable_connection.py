"""A whole day's work over a line on which every third request fails."""

from __future__ import annotations

import pytest
from doubles.faulty_proxy import FaultyProxy

from ft_dcc.session import SERVER_LOCATION_ID, Session
from ft_dcc.session.transport import http


@pytest.mark.parametrize("loses_answer", [False, True], ids=["requests are lost", "answers are lost"])
def test_no_change_is_lost_or_repeated_if_every_third_request_fails(
    studio_server, open_session, project, tmp_path, loses_answer, monkeypatch
):
    monkeypatch.setattr(http, "wait", lambda *_: None)
    movie = tmp_path / "film.mov"
    movie.write_bytes(bytes(range(256)) * 16)
    with FaultyProxy(studio_server.server_url).open() as line:
        line.set(every=3, loses_answer=loses_answer)
        with Session(line.url, studio_server.api_key, studio_server.api_user) as session:
            folder = session.create(
                "Folder", {"name": "over a bad line", "parent": session.get("Project", project["id"])}
            )
            tasks = [session.create("Task", {"name": f"task {number}", "parent": folder}) for number in range(6)]
            session.commit()
            for task in tasks[:4]:
                task["metadata"]["note"] = f"of {task['name']}"
                session.commit()
            session.delete(tasks[5])
            session.commit()
            location = session.get("Location", SERVER_LOCATION_ID)
            component = session.create_component(str(movie), {"name": "main"}, location=location)
            assert line.count > 12
        found = open_session().query(f"select name, metadata from Task where parent_id is {folder['id']} order by name")
        notes = [(task["name"], dict(task["metadata"])) for task in found]
    assert notes == [
        *((f"task {number}", {"note": f"of task {number}"}) for number in range(4)),
        ("task 4", {}),
    ]
    stored = tmp_path / "again.mov"
    server = open_session().get("Location", SERVER_LOCATION_ID)
    stored.write_bytes(server.accessor.open(server.get_resource_identifier(component), "rb").read())
    assert stored.read_bytes() == movie.read_bytes()
