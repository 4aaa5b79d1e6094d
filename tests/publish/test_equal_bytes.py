"""Components with the bytes of an earlier version: they are not sent again, and have media of their own."""

import base64
import hashlib
import uuid

import pytest

from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher
from ft_dcc.server.admin.check import check_studio
from ft_dcc.session import operations
from ft_dcc.session.transfer.transfer import download, upload


@pytest.fixture
def server(start_server):
    return start_server()


@pytest.fixture
def studio_server(server):
    return server.credentials


@pytest.fixture
def sent(session, monkeypatch):
    """Return the sizes of the bodies that were sent to the storage."""
    sizes, put = [], session.transport.put

    def count(url, body, headers):
        sizes.append(len(body))
        return put(url, body, headers)

    monkeypatch.setattr(session.transport, "put", count)
    return sizes


def test_equal_components_of_a_version_are_not_sent_again(
    session, server, jobs, host, paint, shot, sent, tmp_path, monkeypatch
):
    frames = paint("1001-1012")
    request = PublishRequest(shot("1001-1012", "24"), frames.pattern)

    def publish_and_read():
        sent.clear()
        version = Publisher(session, jobs=jobs).publish(request).first
        for component in version.components:
            download(session, component.id, tmp_path / component.name, size=component.size)
            found = hashlib.sha256((tmp_path / component.name).read_bytes()).hexdigest()
            assert found == component.sha256, component.name
        return version, list(sent)

    first, sizes = publish_and_read()
    assert sizes == [component.size for component in first.components]
    assert publish_and_read()[1] == [0, 0]
    # The movie is another one, the thumbnail of the middle frame is not.
    frames.path(1001).write_bytes(frames.path(1012).read_bytes())
    last, sizes = publish_and_read()
    assert sizes == [last.components[0].size, 0]
    # Media that other versions had first belongs to the last one alone.
    versions = session.query(f"select id from AssetVersion where asset_id is {last.asset_id} and version < 3").all()
    session.call([operations.delete("AssetVersion", version["id"]) for version in versions])
    download(session, last.components[1].id, tmp_path / "last", size=last.components[1].size)
    assert check_studio(server.data).messages == []
    # An ftrack site is not asked, and gets everything.
    monkeypatch.delitem(session.server_information, "largest_piece")
    assert publish_and_read()[1] == [component.size for component in last.components]


def test_only_the_bytes_of_the_named_component_are_copied(session, sent, tmp_path):
    content, path = b"17 MiB have a checksum of another kind." * 457_000, tmp_path / "large.bin"
    path.write_bytes(content)
    first, second, third = (str(uuid.uuid4()) for _ in range(3))
    values = {"name": "large", "file_type": ".bin"}
    for component_id, equal_to in ((first, ""), (second, first)):
        upload(session, path, component_id=component_id, equal_to=equal_to, **values)
    download(session, second, tmp_path / "copy.bin")
    assert ((tmp_path / "copy.bin").read_bytes() == content, sent) == (True, [len(content), 0])
    path.write_bytes(content[:-1] + b"!")
    upload(session, path, component_id=third, equal_to=first, **values)
    download(session, third, tmp_path / "other.bin")
    assert ((tmp_path / "other.bin").read_bytes() == path.read_bytes(), sent[2]) == (True, len(content))
    unknown = {"action": "get_upload_metadata", "component_id": str(uuid.uuid4()), "file_name": "a", "file_size": 4}
    for equal_to in (str(uuid.uuid4()), 4, None):
        checksum = base64.b64encode(hashlib.md5(b"abcd").digest()).decode()
        assert "is_equal" not in session.call({**unknown, "checksum": checksum, "equal_to": equal_to})[0]
