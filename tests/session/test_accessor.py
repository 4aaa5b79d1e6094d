from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path

import pytest
from doubles.faulty_line import FaultyLine

from ft_dcc.errors import (
    AccessorContainerNotEmptyError,
    AccessorFilesystemPathError,
    AccessorOperationFailedError,
    AccessorParentResourceNotFoundError,
    AccessorResourceInvalidError,
    AccessorResourceNotFoundError,
    AccessorUnsupportedOperationError,
    LocationError,
)
from ft_dcc.session import ORIGIN_LOCATION_ID, SERVER_LOCATION_ID, Session, parts, wire
from ft_dcc.session.accessor.copying import copy
from ft_dcc.session.accessor.disk import DiskAccessor
from ft_dcc.session.accessor.server import ServerAccessor


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "disk").mkdir()
    return DiskAccessor(tmp_path / "disk")


@pytest.fixture
def server(session):
    return ServerAccessor(session)


@pytest.fixture
def component(session):
    component = session.create("FileComponent", {"name": "film", "file_type": ".mov"})
    session.commit()
    return component


def write(accessor, identifier, content=b"bytes"):
    with accessor.open(identifier, "wb") as file:
        file.write(content)


def test_a_file_on_the_disk_is_written_read_and_removed(disk):
    disk.make_container("shots/sh010")
    write(disk, "shots/sh010/film.mov")
    with disk.open("shots/sh010/film.mov") as file:
        assert file.read() == b"bytes"
    assert disk.is_file("shots/sh010/film.mov")
    assert disk.is_container("shots/sh010")
    assert disk.list("shots/sh010") == [f"shots/sh010{os.sep}film.mov"]
    disk.remove("shots/sh010/film.mov")
    assert not disk.exists("shots/sh010/film.mov")
    disk.remove("shots/sh010")
    assert not disk.exists("shots/sh010")


def test_a_folder_is_found_again_from_what_is_in_it(disk):
    assert disk.get_container("shots/film.mov") == "shots"
    assert disk.get_container("film.mov") == ""
    with pytest.raises(AccessorParentResourceNotFoundError):
        disk.get_container(".")


@pytest.mark.parametrize("identifier", ["../secret.mov", "shots/../../secret.mov", str(Path.cwd())])
def test_nothing_outside_of_the_disk_s_folder_can_be_reached(disk, identifier):
    with pytest.raises(AccessorFilesystemPathError, match="outside"):
        disk.get_filesystem_path(identifier)


def test_a_folder_whose_name_begins_alike_is_outside(disk):
    with pytest.raises(AccessorFilesystemPathError):
        disk.get_filesystem_path("../disk2/film.mov")


def test_without_a_prefix_a_path_is_a_path(tmp_path):
    assert DiskAccessor("").get_filesystem_path(str(tmp_path / "film.mov")) == str(tmp_path / "film.mov")


def test_each_failure_of_the_disk_has_its_name(disk):
    with pytest.raises(AccessorResourceNotFoundError, match=r"nothing\.mov"):
        disk.open("nothing.mov")
    with pytest.raises(AccessorParentResourceNotFoundError):
        disk.open("nowhere/nothing.mov", "wb")
    with pytest.raises(AccessorResourceNotFoundError):
        disk.remove("nothing.mov")
    disk.make_container("full")
    write(disk, "full/film.mov")
    with pytest.raises(AccessorContainerNotEmptyError):
        disk.remove("full")
    with pytest.raises(AccessorResourceInvalidError):
        disk.open("full")
    with pytest.raises(AccessorResourceInvalidError):
        disk.make_container("full/film.mov")
    with pytest.raises(AccessorResourceInvalidError):
        disk.list("full/film.mov")
    with pytest.raises(AccessorUnsupportedOperationError):
        disk.get_url("full/film.mov")


def registered(session, component):
    location = {"component_id": component["id"], "resource_identifier": component["id"]}
    session.create("ComponentLocation", {**location, "location_id": "3a372bde-05bc-11e4-8908-20c9d081909b"})
    session.commit()


def test_what_is_written_to_the_server_is_there_when_it_is_closed(session, server, component):
    write(server, component["id"], b"the film")
    registered(session, component)
    with server.open(component["id"]) as file:
        assert (file.read(3), file.read()) == (b"the", b" film")


def test_what_is_flushed_is_sent_once(server, component, sent):
    with server.open(component["id"], "wb") as file:
        file.write(b"the film")
        file.flush()
        file.flush()
    actions = [each["action"] for request in sent for each in request]
    assert actions.count("get_upload_metadata") == 1


def test_half_a_file_is_not_sent(server, component, sent):
    def write_half():
        with server.open(component["id"], "wb") as file:
            file.write(b"half")
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        write_half()
    assert sent == []


def test_a_component_that_the_server_does_not_know_gets_no_bytes(server, tmp_path):
    (tmp_path / "film.mov").write_bytes(b"film")
    with pytest.raises(AccessorResourceNotFoundError, match="Commit it first"):
        server.upload(str(uuid.uuid4()), tmp_path / "film.mov")


def test_bytes_that_were_removed_from_the_server_cannot_be_read(session, server, component):
    write(server, component["id"])
    registered(session, component)
    server.remove(component["id"])
    with pytest.raises(
        AccessorResourceNotFoundError, match=r"has no bytes of the component .* They may have been removed"
    ):
        server.open(component["id"])


def test_a_file_of_the_server_is_whole_and_has_positions(session, server, component):
    write(server, component["id"], b"the film")
    registered(session, component)
    file = server.open(component["id"])
    path = Path(file.wrapped_file.name)
    assert (file.read(), file.seek(4), file.tell(), file.read()) == (b"the film", None, 4, b"film")
    assert path.exists()
    del file
    assert not path.parent.exists()
    with server.open(component["id"]) as file:
        path = Path(file.wrapped_file.name)
    assert not path.parent.exists()


@pytest.mark.parametrize("loses_answer", [False, True], ids=["the request is lost", "the answer is lost"])
def test_reading_and_removing_are_tried_again(studio_server, server, component, session, monkeypatch, loses_answer):
    monkeypatch.setattr(wire, "wait", lambda *_: None)
    write(server, component["id"], b"the film")
    registered(session, component)
    account = (studio_server.api_key, studio_server.api_user)
    with FaultyLine(studio_server.server_url).open() as line, Session(line.url, *account) as far:
        accessor = ServerAccessor(far)
        line.set(1, heals=True, loses_answer=loses_answer)
        assert accessor.open(component["id"]).read() == b"the film"
        line.set(1, heals=True, loses_answer=loses_answer)
        accessor.remove(component["id"])
        with pytest.raises(AccessorResourceNotFoundError):
            accessor.remove(component["id"])


def test_a_server_that_is_silent_is_an_error_of_the_accessor(open_session, monkeypatch):
    monkeypatch.setattr(wire, "wait", lambda *_: None)
    silent = open_session()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        silent.server_url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(AccessorOperationFailedError, match="Nobody answers"):
        ServerAccessor(silent).open("some-id", "r")


def test_the_server_has_no_folders(server, component):
    assert server.get_container(component["id"]) is None
    assert server.make_container("shots") is None
    assert server.exists(component["id"]) is False
    for ask in (server.list, server.is_file, server.is_container, server.get_filesystem_path):
        with pytest.raises(AccessorUnsupportedOperationError):
            ask(component["id"])
    with pytest.raises(AccessorUnsupportedOperationError):
        server.open(component["id"], "ab")


class InMemory:
    """A storage of a studio: it knows no paths."""

    def __init__(self, content=None):
        self.content = dict(content or {})

    def open(self, identifier, mode="rb"):
        import io

        if mode == "rb":
            return io.BytesIO(self.content[identifier])
        accessor = self

        class Writing(io.BytesIO):
            def close(self):
                accessor.content[identifier] = self.getvalue()
                super().close()

        return Writing()

    def exists(self, identifier):
        return identifier in self.content

    def remove(self, identifier):
        del self.content[identifier]

    def get_filesystem_path(self, identifier):
        raise AccessorUnsupportedOperationError("no paths here")


def test_bytes_go_from_any_storage_to_any_other(session, server, disk, component, tmp_path):
    copy(InMemory({"a": b"film"}), "a", disk, "film.mov")
    copy(disk, "film.mov", server, component["id"])
    registered(session, component)
    copy(server, component["id"], disk, "back.mov")
    memory = InMemory()
    copy(server, component["id"], memory, "b")
    assert memory.content == {"b": b"film"}
    assert Path(disk.get_filesystem_path("back.mov")).read_bytes() == b"film"


def test_a_copy_that_breaks_leaves_nothing(disk):
    class Breaking:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def read(self, _=-1):
            raise OSError("the tape is torn")

    source = InMemory()
    source.open = lambda *_: Breaking()
    with pytest.raises(OSError, match="the tape is torn"):
        copy(source, "a", disk, "film.mov")
    assert disk.list("") == []


def test_an_interrupted_upload_into_the_server_s_location_goes_on(session, tmp_path, studio_server, monkeypatch, sent):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    monkeypatch.setattr(parts, "AT_ONCE", 1)
    monkeypatch.setattr(wire, "wait", lambda *_: None)
    session.server_information["largest_piece"] = 0
    (tmp_path / "cache" / "uploads").mkdir(parents=True)
    forgotten = tmp_path / "cache" / "uploads" / "of-last-month.json"
    forgotten.touch()
    os.utime(forgotten, (0, 0))
    film = tmp_path / "film.mov"
    film.write_bytes(os.urandom(20 * 1024 * 1024 + 3))
    location = session.get("Location", SERVER_LOCATION_ID)
    component = session.create_component(film, {"name": "main"}, location=None)
    with FaultyLine(studio_server.server_url).open() as line:
        call = session.call

        def over_the_line(data):
            answers = call(data)
            for part in answers[0].get("urls", ()) if isinstance(answers[0], dict) else ():
                part["signed_url"] = part["signed_url"].replace(session.server_url, line.url)
            return answers

        monkeypatch.setattr(session, "call", over_the_line)
        line.set(3)
        with pytest.raises(LocationError, match="cut off"):
            location.add_component(component, session.location(ORIGIN_LOCATION_ID))
        assert not forgotten.exists()
        sent.clear()
        line.set()
        location.add_component(component, session.location(ORIGIN_LOCATION_ID))
        assert line.count == 1
    assert "get_upload_metadata" not in [each["action"] for request in sent for each in request]
    with location.accessor.open(component["id"]) as file:
        assert file.read() == film.read_bytes()
    assert list((tmp_path / "cache" / "uploads").iterdir()) == []


def test_without_a_place_for_notes_an_upload_is_one_all_the_same(session, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "file"))
    session.server_information["largest_piece"] = 0
    film = tmp_path / "film.mov"
    film.write_bytes(bytes(20 * 1024 * 1024))
    location = session.get("Location", SERVER_LOCATION_ID)
    component = session.create_component(film, {"name": "main"}, location=location)
    assert location.get_component_availability(component) == 100.0
    assert "begins anew" in caplog.text
