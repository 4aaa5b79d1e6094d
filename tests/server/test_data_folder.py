"""Data folders that lack a part: refused with a sentence, and never replaced by a new studio."""

import re
import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from ft_dcc.accounts.local_server import read_account
from ft_dcc.errors import StorageError
from ft_dcc.server.admin.service import export_lines, open_admin
from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.auth.api_keys import first_user
from ft_dcc.server.context import open_server_context, write_credentials
from ft_dcc.server.database.backup import back_up, restore
from ft_dcc.server.database.data_folder import Credentials, locked
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


def test_complete_backup_of_a_studio_without_media_can_be_started(tmp_path: Path) -> None:
    with open_admin(tmp_path / "studio") as admin:
        admin.run("keys")
    back_up(tmp_path / "studio", tmp_path / "a.backup")
    restore(tmp_path / "a.backup", tmp_path / "restored")
    with locked(tmp_path / "restored"), open_server_context(tmp_path / "restored"):
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
