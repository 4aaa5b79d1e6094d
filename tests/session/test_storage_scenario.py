"""One storage for all files of a studio: used, verified, and configured."""

from __future__ import annotations

import json
import sys
import uuid

import pytest

from ft_dcc.errors import LocationError
from ft_dcc.session import UNMANAGED_LOCATION_ID, Session
from ft_dcc.session.event import Event
from ft_dcc.session.storage_scenario import (
    ConfigureCentralizedStorageScenario,
    activate,
)
from ft_dcc.session.structure.standard import StandardStructure

SYSTEM = {"darwin": "osx", "win32": "windows"}.get(sys.platform, "linux")


@pytest.fixture
def film(tmp_path):
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
    """The settings of a site whose studio has one storage for all."""
    location = session.create("Location", {"name": f"studio_{uuid.uuid4().hex[:8]}"})
    session.commit()
    data = {
        "location_name": location["name"],
        "location_id": location["id"],
        "accessor": {"mount_points": {SYSTEM: str(tmp_path / "mount")}},
    }
    return {"scenario": "ftrack.centralized-storage", "data": data}


def test_a_centralized_storage_is_used_before_all_others(session, centralized, version, film, tmp_path, project):
    session.server_information["storage_scenario"] = centralized
    version_id = version["id"]
    session.reset()
    location = session.pick_location()
    assert (location["id"], location.priority) == (centralized["data"]["location_id"], 1)
    assert isinstance(location.structure, StandardStructure)
    component = session.create_component(film, {"name": "main", "version": session.get("AssetVersion", version_id)})
    place = tmp_path / "mount" / project["name"] / "sq010" / "sh010" / "render" / "v001" / "main.mov"
    assert location.get_filesystem_path(component) == str(place)
    assert place.read_bytes() == b"the film"


def test_a_centralized_storage_without_a_folder_here_is_reported(session, centralized, caplog):
    centralized["data"]["accessor"]["mount_points"] = {"amiga": "work:"}
    session.server_information["storage_scenario"] = centralized
    session.reset()
    assert f"its settings have no '{SYSTEM}'" in caplog.text
    assert session.pick_location()["id"] == UNMANAGED_LOCATION_ID


def test_a_plugin_hears_of_the_scenario_before_it_configures_locations(session, centralized):
    heard = []
    session.event_hub.subscribe(
        "topic=ftrack.storage-scenario.activate",
        lambda event: heard.append(event["data"]["storage_scenario"]["scenario"]),
    )
    session.event_hub.subscribe(
        "topic=ftrack.api.session.configure-location", lambda event: heard.append(event["data"]["session"])
    )
    session.server_information["storage_scenario"] = {**centralized, "scenario": "studio.storage"}
    session.reset()
    assert heard == ["studio.storage", session]


def test_a_location_is_activated_by_an_event(session, centralized):
    session.event_hub.publish(
        Event("ftrack.storage-scenario.activate", data={"storage_scenario": centralized}), synchronous=True
    )
    location = session.get("Location", centralized["data"]["location_id"])
    assert isinstance(location.structure, StandardStructure)


def test_a_scenario_without_folders_cannot_be_activated(session):
    with pytest.raises(LocationError, match="configure the storage scenario again"):
        activate(session, {"scenario": "ftrack.centralized-storage"})


def verified(session, scenario):
    event = Event("ftrack.connect.verify-startup", data={"storage_scenario": scenario})
    return session.event_hub.publish(event, synchronous=True)


def test_a_storage_that_does_not_work_here_is_told_of_at_the_start(session, centralized, tmp_path):
    (told,) = verified(session, centralized)
    assert told.startswith(f"The studio's storage {tmp_path / 'mount'} is not there")
    (tmp_path / "mount").mkdir()
    assert verified(session, centralized) == [None]
    centralized["data"]["accessor"]["mount_points"] = {SYSTEM: ""}
    (told,) = verified(session, centralized)
    assert told.startswith("The studio's storage has no folder for")
    assert verified(session, {**centralized, "scenario": "studio.storage"}) == []


def test_a_session_hears_of_each_scenario_once(session, centralized):
    heard = []
    session.event_hub.subscribe("topic=ftrack.storage-scenario.activate", heard.append)
    session.server_information["storage_scenario"] = centralized
    session.reset()
    assert len(heard) == 1


@pytest.fixture
def own_session(start_server):
    """A session on a studio whose storage may be configured: what is stored holds for all of its users."""
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


def test_what_was_configured_is_used_by_the_next_session(own_session, tmp_path):
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
    assert "which have no folder" in form.text
    form.fill_in()
    assert form.page["state"] == "done"
    session.event_hub.wait(2)
    assert len(done) == 1
    with Session(session.server_url, session.api_key, session.api_user) as other:
        location = other.pick_location()
        assert (location["name"], location["label"], location.priority) == ("studio.storage", "Studio", 1)
        assert location.accessor.prefix == str(tmp_path / "mount")


def test_a_location_that_is_there_can_be_chosen(own_session):
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
    assert "The location Old" in form.text
    assert "no folder" not in form.text
    form.fill_in()
    scenario = ConfigureCentralizedStorageScenario()
    scenario.register(own_session)
    assert scenario.existing_centralized_storage_configuration == {
        "location_id": location["id"],
        "location_name": "studio.old",
        "accessor": {"mount_points": {"linux": "/mnt/a", "osx": "/Volumes/a", "windows": "A:\\"}},
    }


def test_another_user_is_not_offered_the_form(session):
    ConfigureCentralizedStorageScenario().register(session)
    event = Event("ftrack.storage-scenario.discover", source={"user": {"username": "somebody else"}})
    assert session.event_hub.publish(event, synchronous=True) == []


def test_a_setting_that_is_damaged_is_none(own_session):
    scenario = ConfigureCentralizedStorageScenario()
    scenario.register(own_session)
    for text in ("half {", "[]", '{"scenario": "studio.storage"}'):
        scenario.storage_scenario["value"] = text
        own_session.commit()
        assert scenario.existing_centralized_storage_configuration is None
