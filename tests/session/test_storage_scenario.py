"""One storage for all files of a studio: used, verified, and configured."""

from __future__ import annotations

import json
import sys
import uuid

import pytest

from ft_dcc.errors import LocationError
from ft_dcc.session import UNMANAGED_LOCATION_ID, Session
from ft_dcc.session.events.event import Event
from ft_dcc.session.locations.storage_scenario import ConfigureCentralizedStorageScenario, activate
from ft_dcc.session.locations.structure import StandardStructure

SYSTEM = {"darwin": "osx", "win32": "windows"}.get(sys.platform, "linux")


@pytest.fixture
def movie(tmp_path):
    (tmp_path / "film.mov").write_bytes(b"the film")
    return tmp_path / "film.mov"


@pytest.fixture
def version(session, project_shot):
    asset = session.create("Asset", {"name": "render", "parent": project_shot})
    version = session.create("AssetVersion", {"asset": asset})
    session.commit()
    return version


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
    assert f"its settings lack '{SYSTEM}'" in caplog.text
    assert session.pick_location()["id"] == UNMANAGED_LOCATION_ID


def test_scenario_is_activated_before_plugins_configure_locations(session, centralized):
    received = []
    session.event_hub.subscribe(
        "topic=ftrack.storage-scenario.activate",
        lambda event: received.append(event["data"]["storage_scenario"]["scenario"]),
    )
    session.event_hub.subscribe(
        "topic=ftrack.api.session.configure-location", lambda event: received.append(event["data"]["session"])
    )
    session.server_information["storage_scenario"] = {**centralized, "scenario": "studio.storage"}
    session.reset()
    assert received == ["studio.storage", session]


def test_location_is_activated_by_an_event(session, centralized):
    session.event_hub.publish(
        Event("ftrack.storage-scenario.activate", data={"storage_scenario": centralized}), synchronous=True
    )
    location = session.get("Location", centralized["data"]["location_id"])
    assert isinstance(location.structure, StandardStructure)


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


def test_session_activates_each_scenario_once(session, centralized):
    received = []
    session.event_hub.subscribe("topic=ftrack.storage-scenario.activate", received.append)
    session.server_information["storage_scenario"] = centralized
    session.reset()
    assert len(received) == 1


@pytest.fixture
def own_session(start_server):
    """Open a session on a server whose storage can be configured; the setting applies to all users."""
    credentials = start_server().credentials
    with Session(credentials.server_url, credentials.api_key, credentials.api_user) as session:
        yield session


class Form:
    """The pages of the configuration, as they come in answer to events of the session's user."""

    def __init__(self, session):
        self._session = session
        self.page = self._answered({})

    def fill_in(self, **values):
        hidden = {item["name"]: item["value"] for item in self.page["items"] if item["type"] == "hidden"}
        self.page = self._answered({**hidden, **values})

    @property
    def text(self):
        return "\n".join(item["value"] for item in self.page["items"] if item["type"] == "label")

    def _answered(self, values):
        data = {"scenario_id": "ftrack.centralized-storage", "values": json.loads(json.dumps(values))}
        event = Event("ftrack.storage-scenario.configure", data=data)
        (page,) = self._session.event_hub.publish(event, synchronous=True)
        return page


def test_configured_scenario_is_used_by_the_next_session(own_session, tmp_path):
    session = own_session
    assert session.server_information["storage_scenario"] == {"scenario": "ftrack.automatic", "data": {}}
    done = []
    session.event_hub.connect()
    ConfigureCentralizedStorageScenario().register(session)
    session.event_hub.subscribe("topic=ftrack.storage-scenario.configure-done", done.append)
    (offered,) = session.event_hub.publish(Event("ftrack.storage-scenario.discover"), synchronous=True)
    assert offered["id"] == "ftrack.centralized-storage"
    form = Form(session)
    form.fill_in(location_id="create_new_location")
    form.fill_in(location_label="Studio", location_name="studio.storage", location_description="")
    assert "needs a label, a name and a description" in form.text
    form.fill_in(location_label="Studio", location_name="studio.storage", location_description="All of it.")
    mounted = {"linux_mount_point": "", "osx_mount_point": "", "windows_mount_point": ""}
    form.fill_in(**{**mounted, f"{SYSTEM}_mount_point": str(tmp_path / "mount")})
    assert form.page["state"] == "confirm"
    assert str(tmp_path / "mount") in form.text
    assert "* Name: studio.storage" in form.text
    assert "there is no folder" in form.text
    form.fill_in()
    assert form.page["state"] == "done"
    session.event_hub.wait(2)
    assert len(done) == 1
    with Session(session.server_url, session.api_key, session.api_user) as other:
        location = other.pick_location()
        assert (location["name"], location["label"], location.priority) == ("studio.storage", "Studio", 1)
        assert location.accessor.prefix == str(tmp_path / "mount")


def test_existing_location_can_be_chosen(own_session):
    location = own_session.create("Location", {"name": "studio.old", "label": "Old", "description": "As ever."})
    own_session.commit()
    ConfigureCentralizedStorageScenario().register(own_session)
    form = Form(own_session)
    (choice,) = [item for item in form.page["items"] if item["type"] == "enumerator"]
    assert [option["label"] for option in choice["data"]] == ["Create new location", "Old (studio.old)"]
    form.fill_in(location_id="not there")
    assert "There is no such location" in form.text
    form.fill_in(location_id=location["id"])
    form.fill_in(linux_mount_point="/mnt/a", osx_mount_point="/Volumes/a", windows_mount_point="A:\\")
    assert "The existing location Old" in form.text
    assert "no folder" not in form.text
    form.fill_in()
    scenario = ConfigureCentralizedStorageScenario()
    scenario.register(own_session)
    assert scenario.existing_centralized_storage_configuration == {
        "location_id": location["id"],
        "location_name": "studio.old",
        "accessor": {"mount_points": {"linux": "/mnt/a", "osx": "/Volumes/a", "windows": "A:\\"}},
    }


def test_form_is_for_the_sessions_user_only(session):
    ConfigureCentralizedStorageScenario().register(session)
    event = Event("ftrack.storage-scenario.discover", source={"user": {"username": "somebody else"}})
    assert session.event_hub.publish(event, synchronous=True) == []


def test_damaged_setting_counts_as_none(own_session):
    scenario = ConfigureCentralizedStorageScenario()
    scenario.register(own_session)
    for text in ("half {", "[]", '{"scenario": "studio.storage"}'):
        scenario.storage_scenario["value"] = text
        own_session.commit()
        assert scenario.existing_centralized_storage_configuration is None
