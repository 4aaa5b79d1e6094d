import io
import os
import socket
import uuid
from pathlib import Path

import pytest
from doubles.faulty_proxy import FaultyProxy

from ft_dcc import errors
from ft_dcc.session import SERVER_LOCATION_ID, Session
from ft_dcc.session.locations.accessor import Data, DiskAccessor, File, FileWrapper, String, copy
from ft_dcc.session.locations.server_accessor import ServerAccessor
from ft_dcc.session.transfer import transfer
from ft_dcc.session.transport import http


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


def test_disk_file_is_written_read_and_removed(disk):
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


def test_container_of_a_file_is_found(disk):
    assert disk.get_container("shots/film.mov") == "shots"
    assert disk.get_container("film.mov") == ""
    with pytest.raises(errors.AccessorParentResourceNotFoundError):
        disk.get_container(".")


@pytest.mark.parametrize("identifier", ["../disk2/film.mov", "shots/../../film.mov", str(Path.cwd())])
def test_identifier_outside_of_the_prefix_is_refused(disk, identifier):
    with pytest.raises(errors.AccessorFilesystemPathError, match="outside"):
        disk.get_filesystem_path(identifier)


def test_disk_accessor_without_prefix_accepts_any_path(tmp_path):
    assert DiskAccessor("").get_filesystem_path(str(tmp_path / "film.mov")) == str(tmp_path / "film.mov")


def test_disk_errors_map_to_accessor_errors(disk):
    with pytest.raises(errors.AccessorResourceNotFoundError, match=r"nothing\.mov"):
        disk.open("nothing.mov")
    disk.make_container("full")
    write(disk, "full/film.mov")
    for error, call, *arguments in (
        (errors.AccessorParentResourceNotFoundError, disk.open, "nowhere/nothing.mov", "wb"),
        (errors.AccessorResourceNotFoundError, disk.remove, "nothing.mov"),
        (errors.AccessorContainerNotEmptyError, disk.remove, "full"),
        (errors.AccessorResourceInvalidError, disk.open, "full"),
        (errors.AccessorResourceInvalidError, disk.make_container, "full/film.mov"),
        (errors.AccessorResourceInvalidError, disk.list, "full/film.mov"),
        (errors.AccessorUnsupportedOperationError, disk.get_url, "full/film.mov"),
    ):
        with pytest.raises(error):
            call(*arguments)


def registered(session, component):
    location = {"component_id": component["id"], "resource_identifier": component["id"]}
    session.create("ComponentLocation", {**location, "location_id": "3a372bde-05bc-11e4-8908-20c9d081909b"})
    session.commit()


def test_flushed_content_is_uploaded_once(server, component, sent):
    with server.open(component["id"], "wb") as file:
        file.write(b"the film")
        file.flush()
        file.flush()
    assert [each["action"] for request in sent for each in request].count("get_upload_metadata") == 1


def test_partly_written_file_is_not_uploaded(server, component, sent):
    def write_half():
        with server.open(component["id"], "wb") as file:
            file.write(b"half")
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        write_half()
    assert sent == []


def test_upload_for_an_unknown_component_is_refused(server, tmp_path):
    (tmp_path / "film.mov").write_bytes(b"film")
    with pytest.raises(errors.AccessorResourceNotFoundError, match="Commit it first"):
        server.upload(str(uuid.uuid4()), tmp_path / "film.mov")


def test_removed_bytes_cannot_be_read(session, server, component):
    write(server, component["id"])
    registered(session, component)
    server.remove(component["id"])
    lost = "has no bytes of the component .* They may have been removed"
    with pytest.raises(errors.AccessorResourceNotFoundError, match=lost):
        server.open(component["id"])


def test_server_file_is_complete_and_seekable(session, server, component):
    write(server, component["id"], b"the film")
    registered(session, component)
    file = server.open(component["id"])
    path = Path(file.wrapped_file.name)
    assert (file.read(3), file.read(), file.seek(4), file.tell(), file.read()) == (b"the", b" film", None, 4, b"film")
    assert path.exists()
    del file
    assert not path.parent.exists()
    with server.open(component["id"]) as file:
        path = Path(file.wrapped_file.name)
    assert not path.parent.exists()


@pytest.mark.parametrize("loses_answer", [False, True], ids=["the request is lost", "the answer is lost"])
def test_reading_and_removing_are_retried(studio_server, server, component, session, monkeypatch, loses_answer):
    monkeypatch.setattr(http, "wait", lambda *_: None)
    write(server, component["id"], b"the film")
    registered(session, component)
    account = (studio_server.api_key, studio_server.api_user)
    with FaultyProxy(studio_server.server_url).open() as line, Session(line.url, *account) as far:
        accessor = ServerAccessor(far)
        line.set(1, heals=True, loses_answer=loses_answer)
        assert accessor.open(component["id"]).read() == b"the film"
        line.set(1, heals=True, loses_answer=loses_answer)
        accessor.remove(component["id"])
        with pytest.raises(errors.AccessorResourceNotFoundError):
            accessor.remove(component["id"])


def test_unresponsive_server_raises_an_accessor_error(open_session, monkeypatch):
    monkeypatch.setattr(http, "wait", lambda *_: None)
    silent = open_session()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        silent.server_url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(errors.AccessorOperationFailedError, match="cannot be reached"):
            ServerAccessor(silent).open("some-id", "r")


def test_server_has_no_folders(server, component):
    assert server.get_container(component["id"]) is None
    assert server.make_container("shots") is None
    assert server.exists(component["id"]) is False
    for ask in (server.list, server.is_file, server.is_container, server.get_filesystem_path):
        with pytest.raises(errors.AccessorUnsupportedOperationError):
            ask(component["id"])
    with pytest.raises(errors.AccessorUnsupportedOperationError):
        server.open(component["id"], "ab")


class InMemory:
    """A storage of a studio: it knows no paths."""

    def __init__(self, content=None):
        self.content = dict(content or {})

    def open(self, identifier, mode="rb"):
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
        raise errors.AccessorUnsupportedOperationError("no paths here")


def test_bytes_are_copied_between_all_accessors(session, server, disk, component, tmp_path):
    copy(InMemory({"a": b"film"}), "a", disk, "film.mov")
    copy(disk, "film.mov", server, component["id"])
    registered(session, component)
    copy(server, component["id"], disk, "back.mov")
    memory = InMemory()
    copy(server, component["id"], memory, "b")
    assert memory.content == {"b": b"film"}
    assert Path(disk.get_filesystem_path("back.mov")).read_bytes() == b"film"


def test_failed_copy_leaves_nothing(disk):
    class Breaking(io.BytesIO):
        def read(self, _=-1):
            raise OSError("the tape is torn")

    source = InMemory()
    source.open = lambda *_: Breaking()
    with pytest.raises(OSError, match="the tape is torn"):
        copy(source, "a", disk, "film.mov")
    assert disk.list("") == []


def test_progress_of_a_large_upload_is_kept_in_the_users_folder(
    session, server, component, movie, tmp_path, monkeypatch, small_parts
):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    sent = []
    monkeypatch.setattr(transfer, "send", lambda *_, **arguments: sent.append(arguments))
    forgotten = tmp_path / "cache" / "uploads" / "of-last-month.json"
    forgotten.parent.mkdir(parents=True)
    forgotten.touch()
    os.utime(forgotten, (0, 0))
    server.upload(component["id"], movie)
    movie.write_bytes(bytes(small_parts))
    for _ in range(2):
        server.upload(component["id"], movie)
    small, first, second = [arguments["progress_file"] for arguments in sent]
    assert (small, first, first.parent) == (None, second, forgotten.parent)
    assert not forgotten.exists()


def test_upload_works_without_a_progress_folder(session, tmp_path, monkeypatch, caplog, small_parts):
    (tmp_path / "file").touch()
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "file"))
    session.server_information["largest_piece"] = 0
    movie = tmp_path / "film.mov"
    movie.write_bytes(bytes(small_parts))
    location = session.get("Location", SERVER_LOCATION_ID)
    component = session.create_component(movie, {"name": "main"}, location=location)
    assert location.get_component_availability(component) == 100.0
    assert "start again" in caplog.text


def test_text_is_read_as_text():
    with String("the") as text:
        text.seek(0, os.SEEK_END)
        text.write(" film")
        text.seek(0)
        assert (text.read(3), text.tell(), text.read()) == ("the", 3, " film")


def test_bytes_are_read_as_bytes():
    content = String(b"the film")
    assert content.read() == b"the film"
    content.close()
    content.close()
    assert content.closed


def test_file_can_be_read_and_written_alternately(tmp_path):
    (tmp_path / "film").write_bytes(b"0123456789")
    with File(tmp_path / "film", "rb+") as file:
        assert file.read(2) == b"01"
        file.write(b"xx")
        assert file.read(2) == b"45"
    assert (tmp_path / "film").read_bytes() == b"01xx456789"


def test_flush_of_a_subclass_stores_the_content(tmp_path):
    stored = []

    class Bucket(String):
        def flush(self):
            super().flush()
            self.wrapped_file.seek(0)
            stored.append(self.wrapped_file.read())

    with Bucket() as file:
        file.write(b"film")
    assert stored == [b"film"]
    assert issubclass(Bucket, FileWrapper)


def test_data_without_position_is_reported():
    class Tape(Data):
        def read(self, limit=None):
            return b""

        def write(self, content):
            """Wind on."""

    with pytest.raises(NotImplementedError, match="A Tape has no position"):
        Tape().seek(0)
    with pytest.raises(NotImplementedError):
        Tape().tell()


def test_python_file_is_data(tmp_path):
    with DiskAccessor(tmp_path).open("film.mov", "wb") as file:
        assert isinstance(file, Data)
