import sys
from pathlib import Path

import pytest

from ft_dcc.errors import StorageError
from ft_dcc.server.database import data_folder
from ft_dcc.server.database.data_folder import locked, network_filesystem_type, parse_bsd_mount, parse_linux_mount


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
