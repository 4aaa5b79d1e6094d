"""The centralized storage scenario: one location for all files, on a disk that all machines of a studio share.

The server information names the site's scenario. An administrator configures it in a form, whose pages are replies to
events.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import LocationError
from ft_dcc.event_protocol.expressions import Condition
from ft_dcc.session.events.event import Event
from ft_dcc.session.query.expression import field, find

if TYPE_CHECKING:
    from ft_dcc.session.entities.entity import Entity
    from ft_dcc.session.locations.location_setup import LocationSession

SCENARIO = "ftrack.centralized-storage"
DISCOVER, CONFIGURE = "ftrack.storage-scenario.discover", "ftrack.storage-scenario.configure"
ACTIVATE, CONFIGURED = "ftrack.storage-scenario.activate", "ftrack.storage-scenario.configure-done"
VERIFY_STARTUP = "ftrack.connect.verify-startup"

Values = dict[str, Any]
# ftrack's names of the systems, and their labels.
_SYSTEMS = {"linux": "Linux", "osx": "macOS", "windows": "Windows"}
_NEW_LOCATION = "create_new_location"
# Locations that cannot be a studio's storage.
_BUILT_IN = ("ftrack.origin", "ftrack.unmanaged", "ftrack.connect", "ftrack.server", "ftrack.review")
_DEFAULTS = {
    "location_label": "Studio location",
    "location_name": "studio.central-storage-location",
    "location_description": "The storage of all files of the studio.",
}


def activate(session: LocationSession, storage_scenario: Mapping[str, Any]) -> None:
    """Set up the scenario's location in the session, with the highest priority; raises LocationError."""
    from ft_dcc.session.locations.accessor.disk import DiskAccessor
    from ft_dcc.session.locations.structure import StandardStructure

    try:
        location_id, prefix = storage_scenario["data"]["location_id"], _mount_points(storage_scenario)[_system()]
    except (KeyError, TypeError) as error:
        raise LocationError(
            f"The server's centralized storage cannot be used on this machine: its settings lack {error}. "
            "Ask the site's administrator to configure the storage scenario again."
        ) from error
    setup = session.location_setups.get(location_id)
    setup.accessor, setup.structure, setup.priority = DiskAccessor(prefix), StandardStructure(), 1


class ActivateCentralizedStorageScenario:
    """A subscriber that activates the scenario in a session."""

    session: LocationSession

    def register(self, session: LocationSession) -> None:
        """Subscribe to the activation and the verification of the scenario."""
        self.session = session
        is_scenario = f"and data.storage_scenario.scenario={SCENARIO}"
        session.event_hub.subscribe(f"topic={ACTIVATE} {is_scenario}", self.activate)
        session.event_hub.subscribe(f"topic={VERIFY_STARTUP} {is_scenario}", self._verify_startup)

    def activate(self, event: Event) -> None:
        """Set up the location of the event's scenario; raises LocationError."""
        activate(self.session, event["data"]["storage_scenario"])

    def _verify_startup(self, event: Event) -> str | None:
        """Return the problem with the storage on this machine, or None."""
        prefix = _mount_points(event["data"]["storage_scenario"]).get(_system())
        if not prefix:
            return (
                f"The studio's storage has no folder for {_SYSTEMS[_system()]}. "
                "Ask the site's administrator to configure the storage scenario."
            )
        if not Path(prefix).is_dir():
            return (
                f"The studio's storage {prefix} does not exist on this machine. "
                "If it is a network drive, mount it; if it is new, create the folder."
            )
        return None


class ConfigureCentralizedStorageScenario:
    """A subscriber that configures the scenario of a site: a form for its location and folders."""

    session: LocationSession

    def register(self, session: LocationSession) -> None:
        """Subscribe to the events of the session's user, who needs the right to change the site's settings."""
        self.session = session
        own, hub = Condition("source.user.username", "=", session.api_user), session.event_hub
        hub.subscribe(f"topic={DISCOVER} and {own}", self.discover_centralized_scenario)
        hub.subscribe(f"topic={CONFIGURE} and data.scenario_id={SCENARIO} and {own}", self.configure_scenario)

    def discover_centralized_scenario(self, event: Event) -> Values:
        """Return the scenario's entry in the list of scenarios."""
        return {
            "id": SCENARIO,
            "name": "Centralized storage scenario",
            "description": "All files are on one storage that every machine of the studio can access (recommended).",
        }

    def configure_scenario(self, event: Event) -> Values:
        """Return the page of the form that follows the event's values.

        The event's ``values`` are the fields of the previous page. Hidden fields hold its ``step`` and the
        ``configuration`` so far. The returned ``state`` is configuring, confirm, or done after saving.
        """
        values = dict(event["data"].get("values") or {})
        configuration = values.pop("configuration", None) or {}
        submitted = values.get("step", "select_scenario")
        if values:
            configuration[submitted] = values
        step, warning = self._next_step(submitted, configuration)
        items = self._page(step, configuration)
        if warning:
            items.insert(0, _label(f"**{warning}**"))
        items.append({"type": "hidden", "name": "configuration", "value": configuration})
        items.append({"type": "hidden", "name": "step", "value": step})
        state = {"confirm_summary": "confirm", "save_configuration": "done"}.get(step, "configuring")
        return {"items": items, "state": state}

    @property
    def storage_scenario(self) -> Entity:
        """The site's setting; raises NoResultFoundError if the server has none."""
        conditions = field("name") == "storage_scenario", field("group") == "STORAGE"
        return self.session.query(find("Setting").select("value").where(*conditions)).one()

    @property
    def existing_centralized_storage_configuration(self) -> Values | None:
        """The site's current location and folders, or None if it has another scenario."""
        try:
            setting = json.loads(self.storage_scenario["value"])
        except (TypeError, ValueError):
            return None
        if not isinstance(setting, dict) or setting.get("scenario") != SCENARIO:
            return None
        data: Values = setting.get("data") or {}
        return data

    def _next_step(self, submitted: str, configuration: Values) -> tuple[str, str]:
        """Return the step after the submitted one and no warning, or the same step with a warning."""
        values = configuration.get(submitted, {})
        if submitted == "select_location":
            chosen = values.get("location_id")
            if chosen == _NEW_LOCATION:
                return "configure_location", ""
            if not chosen or self.session.get("Location", chosen) is None:
                return submitted, "There is no such location. Choose one of the list, or create a new one."
            return "select_mount_point", ""
        if submitted == "configure_location":
            warning = self._location_warning(values)
            return (submitted, warning) if warning else ("select_mount_point", "")
        # There is only one structure, so its step is skipped.
        following = {
            "select_structure": "select_mount_point",
            "select_mount_point": "confirm_summary",
            "confirm_summary": "save_configuration",
        }
        return following.get(submitted, "select_location"), ""

    def _location_warning(self, values: Values) -> str:
        if not all(values.get(name) for name in _DEFAULTS):
            return "A location needs a label, a name and a description."
        name = values["location_name"]
        if self.session.query(find("Location").where(name=name)).first() is not None:
            return f"The location {name} already exists. Choose another name."
        return ""

    def _page(self, step: str, configuration: Values) -> list[Values]:
        if step == "select_location":
            return self._location_page()
        if step == "configure_location":
            return _new_location_page(configuration.get(step, _DEFAULTS))
        if step == "select_mount_point":
            return _mount_point_page((self.existing_centralized_storage_configuration or {}).get("accessor") or {})
        if step == "confirm_summary":
            return [_label(self._summary(configuration))]
        self._save(configuration)
        return [_label("#Done!#\nThe storage scenario is configured. Restart running programs to use it.")]

    def _location_page(self) -> list[Values]:
        options = [{"label": "Create new location", "value": _NEW_LOCATION}]
        for location in self.session.query(find("Location").select("name", "label", "description")):
            if location["name"] not in _BUILT_IN:
                label = f"{location['label']} ({location['name']})"
                options.append({"label": label, "value": location["id"], "description": location["description"]})
        current = (self.existing_centralized_storage_configuration or {}).get("location_id")
        text = "#Select location#\nChoose the location of the studio's storage, or create a new one."
        if current is not None:
            text += "\n\n**If you choose another location, files published to the current one are no longer found.**"
        default = current or (_NEW_LOCATION if len(options) == 1 else None)
        choice = {"type": "enumerator", "label": "Location", "name": "location_id", "value": default, "data": options}
        return [_label(text), choice]

    def _summary(self, configuration: Values) -> str:
        chosen = configuration["select_location"]["location_id"]
        if chosen == _NEW_LOCATION:
            new = configuration["configure_location"]
            lines = [f"* {name[len('location_') :].capitalize()}: {new[name]}" for name in _DEFAULTS]
            location = "\n".join(["This location is created:\n", *lines])
        else:
            found = self.session.get("Location", chosen)
            location = f"The existing location {found['label'] if found else chosen}."
        folders = _folders(configuration)
        lines = [f"* {label}: {folders[name] or '*Not set*'}" for name, label in _SYSTEMS.items()]
        missing = [label for name, label in _SYSTEMS.items() if not folders[name]]
        if missing:
            lines.append(f"\nThe location cannot be used on {' and '.join(missing)}: there is no folder.")
        mount_points = "\n".join(lines)
        return f"#Confirm storage setup#\n\n##Location##\n\n{location}\n\n##Mount points##\n\n{mount_points}"

    def _save(self, configuration: Values) -> None:
        chosen = configuration["select_location"]["location_id"]
        if chosen == _NEW_LOCATION:
            new = configuration["configure_location"]
            data = {name[len("location_") :]: new[name] for name in _DEFAULTS}
            location = self.session.create("Location", data)
        else:
            location = self.session.query(find("Location").where(id=chosen)).one()
        setting = {
            "scenario": SCENARIO,
            "data": {
                "location_id": location["id"],
                "location_name": location["name"],
                "accessor": {"mount_points": _folders(configuration)},
            },
        }
        self.storage_scenario["value"] = json.dumps(setting)
        self.session.commit()
        self.session.event_hub.publish(Event(CONFIGURED), on_error="ignore")


def _system() -> str:
    """Return ftrack's name of this machine's system."""
    if sys.platform == "darwin":
        return "osx"
    return "windows" if sys.platform == "win32" else "linux"


def _mount_points(storage_scenario: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = storage_scenario["data"]["accessor"]["mount_points"]
    return found


def _folders(configuration: Values) -> dict[str, str]:
    values = configuration["select_mount_point"]
    return {name: values.get(f"{name}_mount_point") or "" for name in _SYSTEMS}


def _new_location_page(values: Values) -> list[Values]:
    text = "#Create location#\nThe defaults suit most studios."
    fields = [
        {"type": "text", "label": name[len("location_") :].capitalize(), "name": name, "value": values.get(name)}
        for name in _DEFAULTS
    ]
    return [_label(text), *fields]


def _mount_point_page(accessor: Values) -> list[Values]:
    text = (
        "#Mount points#\nEnter the folder of the storage on each system. "
        "On a system without a folder, files are neither read nor written."
    )
    current = accessor.get("mount_points") or {}
    fields = [
        {"type": "text", "label": label, "name": f"{name}_mount_point", "value": current.get(name, "")}
        for name, label in _SYSTEMS.items()
    ]
    return [_label(text), *fields]


def _label(text: str) -> Values:
    return {"type": "label", "value": text}
