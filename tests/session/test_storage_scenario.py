"""One storage for all files of a studio: used and verified."""

import sys
import uuid

import pytest

from ft_dcc.errors import LocationError
from ft_dcc.session import UNMANAGED_LOCATION_ID
from ft_dcc.session.events.event import Event
from ft_dcc.session.locations.location_setup import activate
from ft_dcc.session.locations.structure import StandardStructure

SYSTEM = {"darwin": "osx", "win32": "windows"}.get(sys.platform, "linux")


@pytest.fixture
def centralized(session, tmp_path):
    """Return the storage scenario of a site with one storage."""
    location = session.create("Location", {"name": f"studio_{uuid.uuid4().hex[:8]}"})
    session.commit()
    data = {
        "location_name": location["name"],
        "location_id": location["id"],
        "accessor": {"mount_points": {SYSTEM: str(tmp_path / "mount")}},
    }
    return {"scenario": "ftrack.centralized-storage", "data": data}


def test_centralized_storage_has_the_highest_priority(session, centralized, version, movie, tmp_path, project):
    session.server_information["storage_scenario"] = centralized
    version_id = version["id"]
    session.reset()
    location = session.pick_location()
    assert (location["id"], location.priority) == (centralized["data"]["location_id"], 1)
    assert isinstance(location.structure, StandardStructure)
    component = session.create_component(movie, {"name": "main", "version": session.get("AssetVersion", version_id)})
    path = tmp_path / "mount" / project["name"] / "sq010" / "sh010" / "render" / "v001" / "main.mov"
    assert location.get_filesystem_path(component) == str(path)
    assert path.read_bytes() == b"the film"


def test_missing_mount_point_of_this_system_is_reported(session, centralized, caplog):
    centralized["data"]["accessor"]["mount_points"] = {"amiga": "work:"}
    session.server_information["storage_scenario"] = centralized
    session.reset()
    assert "its settings lack a folder for" in caplog.text
    assert session.pick_location()["id"] == UNMANAGED_LOCATION_ID


def test_scenario_is_activated_before_plugins_configure_locations(session, centralized):
    received = []
    session.event_hub.subscribe(
        "topic=ftrack.storage-scenario.activate",
        lambda event: received.append(event["data"]["storage_scenario"]["scenario"]),
    )
    topic = "topic=ftrack.api.session.configure-location"
    session.event_hub.subscribe(topic, lambda event: received.append(event["data"]["session"]))
    session.server_information["storage_scenario"] = {**centralized, "scenario": "studio.storage"}
    session.reset()
    assert received == ["studio.storage", session]


def test_location_is_activated_by_an_event(session, centralized):
    activated = Event("ftrack.storage-scenario.activate", data={"storage_scenario": centralized})
    session.event_hub.publish(activated, synchronous=True)
    assert isinstance(session.get("Location", centralized["data"]["location_id"]).structure, StandardStructure)


def test_scenario_without_mount_points_is_refused(session):
    with pytest.raises(LocationError, match="configure the storage scenario again"):
        activate(session, {"scenario": "ftrack.centralized-storage"})


def verified(session, scenario):
    event = Event("ftrack.connect.verify-startup", data={"storage_scenario": scenario})
    return session.event_hub.publish(event, synchronous=True)


def test_unusable_storage_is_reported_at_startup(session, centralized, tmp_path):
    (message,) = verified(session, centralized)
    assert message.startswith(f"The studio's storage {tmp_path / 'mount'} does not exist on this machine")
    (tmp_path / "mount").mkdir()
    assert verified(session, centralized) == [None]
    centralized["data"]["accessor"]["mount_points"] = {SYSTEM: ""}
    (message,) = verified(session, centralized)
    assert message.startswith("The studio's storage has no folder for")
    assert verified(session, {**centralized, "scenario": "studio.storage"}) == []
