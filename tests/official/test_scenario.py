from __future__ import annotations

import runpy
import uuid
from pathlib import Path

import pytest

from ft_dcc.session import Session
from ft_dcc.session.locations.storage_scenario import ConfigureCentralizedStorageScenario

SCRIPT = Path(__file__).parent / "scripts" / "scenario.py"


@pytest.fixture
def own_session(start_server):
    """Open a session on a server whose storage can be configured; the setting applies to all users."""
    credentials = start_server().credentials
    with Session(credentials.server_url, credentials.api_key, credentials.api_user) as session:
        yield session


def test_both_clients_configure_the_storage_with_the_same_pages(official, own_session, tmp_path, monkeypatch):
    theirs = official("scenario", f"studio.{uuid.uuid4().hex}", str(tmp_path))
    scenario = ConfigureCentralizedStorageScenario()
    scenario.register(own_session)
    ours = runpy.run_path(str(SCRIPT))["work"](own_session, scenario, f"studio.{uuid.uuid4().hex}", str(tmp_path))
    assert [page["step"] for page in ours["pages"]] == [
        "select_location",
        "select_location",
        "configure_location",
        "configure_location",
        "configure_location",
        "select_mount_point",
        "confirm_summary",
        "save_configuration",
        "select_location",
    ]
    for page, their_page in zip(ours["pages"], theirs["pages"]):
        assert {(kind, name) for kind, name in page.pop("fields")} == {
            (kind, name) for kind, name in their_page.pop("fields")
        }
        assert page == their_page
    assert ours["location"] == theirs["location"] == ["Studio", "All files."]
    assert ours["scenario"] == theirs["scenario"] == "ftrack.centralized-storage"
    for each in (ours, theirs):
        assert each["stored"]["data"].pop("location_name").startswith("studio.")
    assert ours["stored"] == theirs["stored"]
    assert ours["stored"]["data"] == {
        "location_id": True,
        "accessor": {"mount_points": {"linux": str(tmp_path), "osx": "", "windows": ""}},
    }
