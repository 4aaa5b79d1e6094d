from __future__ import annotations

import os

import pytest

from ft_dcc.session.locations.accessor.disk import DiskAccessor
from ft_dcc.session.locations.file_objects import Data, File, FileWrapper, String


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
