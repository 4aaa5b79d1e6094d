"""Data folders that lack a part: refused with a sentence, and never replaced by a new studio."""

import re
import shutil
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from ft_dcc.accounts.local_server import read_account
from ft_dcc.errors import StorageError
from ft_dcc.server.admin.service import export_lines
from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.auth.api_keys import first_user
from ft_dcc.server.context import open_server_context, write_credentials
from ft_dcc.server.database import data_folder
from ft_dcc.server.database.data_folder import (
    Credentials,
    locked,
    network_filesystem_type,
    parse_bsd_mount,
    parse_linux_mount,
)
from ft_dcc.server.database.seed import SERVER_LOCATION_ID
from ft_dcc.server.entities.batch import create_operation


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a stopped studio with one published component."""
    folder = tmp_path_factory.mktemp("stopped") / "studio"
    movie, component_id = tmp_path_factory.mktemp("upload") / "movie", str(uuid4())
    movie.write_bytes(b"movie")
    with locked(folder), open_server_context(folder) as context, context.store.reading() as connection:
        context.media.import_file(movie, component_id)
        place = {"component_id": component_id, "location_id": SERVER_LOCATION_ID, "resource_identifier": component_id}
        operations = [
            create_operation("FileComponent", {"id": component_id, "name": "movie"}),
            create_operation("ComponentLocation", {"id": str(uuid4()), **place}),
        ]
        make_dispatcher(context).answer(first_user(connection), operations)
        write_credentials(context, "http://studio.test")
    return folder


@pytest.fixture
def data(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "studio"))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("studio.db", "has credentials.env and media, but no studio.db"),
        ("secret", "has no file 'secret'"),
        ("media", "has no folder 'media'"),
    ],
)
def test_studio_that_lacks_a_part_is_not_replaced_by_a_new_one(data: Path, part: str, message: str) -> None:
    path = data / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = sorted(found.name for found in data.iterdir())
    for _ in range(2):
        with pytest.raises(StorageError, match=re.escape(message)), locked(data), open_server_context(data):
            pass
    assert part not in {found.name for found in data.iterdir()}
    assert {name for name in before if not name.startswith("studio.db")} <= {found.name for found in data.iterdir()}


def test_studio_goes_on_without_media_when_its_folder_is_empty(data: Path) -> None:
    shutil.rmtree(data / "media")
    (data / "media").mkdir()
    with locked(data), open_server_context(data):
        pass


def test_dump_needs_no_media(data: Path) -> None:
    assert any(b"FileComponent" in line for line in export_lines(data))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"FTRACK_SERVER"])
def test_rubbish_in_credentials_is_one_sentence(data: Path, content: bytes) -> None:
    path = data / "credentials.env"
    path.write_bytes(content)
    assert read_account(data) is None
    with pytest.raises(StorageError, match=r"is damaged\. Delete it"):
        Credentials.read(path)
    with locked(data), open_server_context(data) as context:
        with pytest.raises(StorageError, match=r"is damaged\. Delete it"):
            write_credentials(context, "http://studio.test")
        path.unlink()
        assert write_credentials(context, "http://studio.test").server_url == "http://studio.test"


def test_local_folder_is_not_a_network_filesystem(tmp_path):
    assert network_filesystem_type(tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="the table of mounts is Linux's")
class TestLinux:
    table = (
        "/dev/sda1 / ext4 rw 0 0\n"
        "server:/shows /mnt/shows nfs4 rw 0 0\n"
        "//server/x /mnt/two\\040words cifs rw 0 0\n"
        "/dev/sdb1 /mnt/shows/local xfs rw 0 0\n"
        "old /mnt/over nfs rw 0 0\n"
        "tmpfs /mnt/over tmpfs rw 0 0\n"
        "me@host: /home/me/far fuse.sshfs rw 0 0\n"
    )

    @pytest.fixture(autouse=True)
    def mounts(self, monkeypatch):
        lines = self.table.splitlines()
        monkeypatch.setattr(data_folder, "_read_mounts", lambda: [parse_linux_mount(line) for line in lines])

    @pytest.mark.parametrize(
        ("folder", "kind"),
        [
            *(("/mnt/shows", "nfs4"), ("/mnt/shows/a/b", "nfs4"), ("/mnt/shows/local/a", None)),
            *(("/mnt/showsuite", None), ("/mnt/two words/a", "cifs"), ("/mnt/over/a", None)),
            *(("/home/me/far/a", "fuse.sshfs"), ("/home/me", None)),
        ],
    )
    def test_innermost_mount_decides(self, folder, kind):
        assert network_filesystem_type(Path(folder)) == kind

    def test_studio_on_a_network_filesystem_is_rejected(self):
        with pytest.raises(StorageError, match=r"network disk \(nfs4\)"), locked(Path("/mnt/shows/studio")):
            pass


def test_network_filesystem_is_detected_on_macos():
    lines = {
        "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)": ("/", "apfs"),
        "//me@server/shows on /Volumes/shows (smbfs, nodev, nosuid, mounted by me)": ("/Volumes/shows", "smbfs"),
        "server:/x on /Volumes/on air (nfs)": ("/Volumes/on air", "nfs"),
        "nonsense": None,
    }
    assert {line: parse_bsd_mount(line) for line in lines} == lines
