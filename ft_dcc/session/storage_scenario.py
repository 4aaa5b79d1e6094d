"""The centralized storage scenario: one location, on a disk that all machines of a studio see, for all of its files.

A site says in its server information which scenario it has; whoever looks after the site chooses it in a form, whose
pages come as answers to events.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import LocationError
from ft_dcc.session.event import Event
from ft_dcc.session.expression import field, find
from ft_dcc.subscription import Condition

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity
    from ft_dcc.session.session import Session

SCENARIO = "ftrack.centralized-storage"
DISCOVER, CONFIGURE = "ftrack.storage-scenario.discover", "ftrack.storage-scenario.configure"
ACTIVATE, CONFIGURED = "ftrack.storage-scenario.activate", "ftrack.storage-scenario.configure-done"
VERIFY_STARTUP = "ftrack.connect.verify-startup"

Values = dict[str, Any]
# What ftrack calls a system, and what people do.
_SYSTEMS = {"linux": "Linux", "osx": "macOS", "windows": "Windows"}
_NEW_LOCATION = "create_new_location"
# Locations that no studio's files are kept in.
_BUILT_IN = ("ftrack.origin", "ftrack.unmanaged", "ftrack.connect", "ftrack.server", "ftrack.review")
_PROPOSED = {
    "location_label": "Studio location",
    "location_name": "studio.central-storage-location",
    "location_description": "Where all files of the studio are.",
}


def activate(session: Session, storage_scenario: Mapping[str, Any]) -> None:
    """The location of the scenario can be used by the session, which prefers it to all others; raises LocationError."""
    from ft_dcc.session.accessor.disk import DiskAccessor
    from ft_dcc.session.structure.standard import StandardStructure

    try:
        location_id, prefix = storage_scenario["data"]["location_id"], _mount_points(storage_scenario)[_system()]
    except (KeyError, TypeError) as error:
        raise LocationError(
            f"The server's centralized storage cannot be used here: its settings have no {error}. "
            "Ask whoever looks after the site to configure the storage scenario again."
        ) from error
    setup = session.location_setups.of(location_id)
    setup.accessor, setup.structure, setup.priority = DiskAccessor(prefix), StandardStructure(), 1


class ActivateCentralizedStorageScenario:
    """Activates the scenario when somebody says on a session's hub that it is the site's."""

    session: Session

    def register(self, session: Session) -> None:
        """Whoever says so is heard, and whoever asks whether it works on this machine."""
        self.session = session
        of_this = f"and data.storage_scenario.scenario={SCENARIO}"
        session.event_hub.subscribe(f"topic={ACTIVATE} {of_this}", self.activate)
        session.event_hub.subscribe(f"topic={VERIFY_STARTUP} {of_this}", self._verify_startup)

    def activate(self, event: Event) -> None:
        """The location of the scenario that the event names can be used; raises LocationError."""
        activate(self.session, event["data"]["storage_scenario"])

    def _verify_startup(self, event: Event) -> str | None:
        """Return what is wrong with the storage on this machine, or None."""
        prefix = _mount_points(event["data"]["storage_scenario"]).get(_system())
        if not prefix:
            return (
                f"The studio's storage has no folder for {_SYSTEMS[_system()]}, so that files cannot be kept there. "
                "Ask whoever looks after the site to configure the storage scenario."
            )
        if not Path(prefix).is_dir():
            return (
                f"The studio's storage {prefix} is not there, so that files cannot be kept in it. "
                "If it is a network drive, mount it; if it is new, create the folder."
            )
        return None


class ConfigureCentralizedStorageScenario:
    """Asks, page by page, for the location and the folders of the scenario, and writes them down for the site."""

    session: Session

    def register(self, session: Session) -> None:
        """The session's user, who may change the site's settings, is offered the scenario, and gets its form."""
        self.session = session
        own, hub = Condition("source.user.username", "=", session.api_user), session.event_hub
        hub.subscribe(f"topic={DISCOVER} and {own}", self.discover_centralized_scenario)
        hub.subscribe(f"topic={CONFIGURE} and data.scenario_id={SCENARIO} and {own}", self.configure_scenario)

    def discover_centralized_scenario(self, event: Event) -> Values:
        """Return what the scenario is, for a list of scenarios to choose from."""
        return {
            "id": SCENARIO,
            "name": "Centralized storage scenario",
            "description": "All files are on one storage that every machine of the studio sees (recommended).",
        }

    def configure_scenario(self, event: Event) -> Values:
        """Return the page that follows what was filled in; ``state`` is configuring, confirm, or done when it is saved.

        The event's ``values`` are what was filled in. They hold the ``step`` that the page was for and the
        ``configuration`` so far, which each page has in hidden fields.
        """
        values = dict(event["data"].get("values") or {})
        configuration = values.pop("configuration", None) or {}
        answered = values.get("step", "select_scenario")
        if values:
            configuration[answered] = values
        step, warning = self._following(answered, configuration)
        items = self._page(step, configuration)
        if warning:
            items.insert(0, _label(f"**{warning}**"))
        items.append({"type": "hidden", "name": "configuration", "value": configuration})
        items.append({"type": "hidden", "name": "step", "value": step})
        state = {"confirm_summary": "confirm", "save_configuration": "done"}.get(step, "configuring")
        return {"items": items, "state": state}

    @property
    def storage_scenario(self) -> Entity:
        """The site's setting; raises NoResultFoundError where the server has none."""
        is_it = field("name") == "storage_scenario", field("group") == "STORAGE"
        return self.session.query(find("Setting").select("value").where(*is_it)).one()

    @property
    def existing_centralized_storage_configuration(self) -> Values | None:
        """The location and the folders that the site has now, or None where it has another scenario."""
        try:
            setting = json.loads(self.storage_scenario["value"])
        except (TypeError, ValueError):
            return None
        if not isinstance(setting, dict) or setting.get("scenario") != SCENARIO:
            return None
        data: Values = setting.get("data") or {}
        return data

    def _following(self, answered: str, configuration: Values) -> tuple[str, str]:
        """Return the step after the one that was answered, or the same again with what is wrong with the answer."""
        values = configuration.get(answered, {})
        if answered == "select_location":
            chosen = values.get("location_id")
            if chosen == _NEW_LOCATION:
                return "configure_location", ""
            if not chosen or self.session.get("Location", chosen) is None:
                return answered, "There is no such location. Choose one of the list, or create a new one."
            return "select_mount_point", ""
        if answered == "configure_location":
            warning = self._wrong_with(values)
            return (answered, warning) if warning else ("select_mount_point", "")
        # There is one structure to choose from.
        following = {"select_structure": "select_mount_point", "select_mount_point": "confirm_summary"}
        following["confirm_summary"] = "save_configuration"
        return following.get(answered, "select_location"), ""

    def _wrong_with(self, values: Values) -> str:
        if not all(values.get(name) for name in _PROPOSED):
            return "A location needs a label, a name and a description."
        name = values["location_name"]
        if self.session.query(find("Location").where(name=name)).first() is not None:
            return f"There is a location {name} already. Choose another name."
        return ""

    def _page(self, step: str, configuration: Values) -> list[Values]:
        if step == "select_location":
            return self._location_page()
        if step == "configure_location":
            return _new_location_page(configuration.get(step, _PROPOSED))
        if step == "select_mount_point":
            return _mount_point_page((self.existing_centralized_storage_configuration or {}).get("accessor") or {})
        if step == "confirm_summary":
            return [_label(self._summary(configuration))]
        self._save(configuration)
        return [_label("#Done!#\nThe storage scenario is configured. Programs that run use it when they start again.")]

    def _location_page(self) -> list[Values]:
        options = [{"label": "Create new location", "value": _NEW_LOCATION}]
        for location in self.session.query(find("Location").select("name", "label", "description")):
            if location["name"] not in _BUILT_IN:
                label = f"{location['label']} ({location['name']})"
                options.append({"label": label, "value": location["id"], "description": location["description"]})
        now = (self.existing_centralized_storage_configuration or {}).get("location_id")
        text = "#Select location#\nChoose the location that stands for the studio's storage, or create a new one."
        if now is not None:
            text += (
                "\n\n**Be careful to choose another one than before: "
                "what was published to that one is not found any more.**"
            )
        proposed = now or (_NEW_LOCATION if len(options) == 1 else None)
        choice = {"type": "enumerator", "label": "Location", "name": "location_id", "value": proposed, "data": options}
        return [_label(text), choice]

    def _summary(self, configuration: Values) -> str:
        chosen = configuration["select_location"]["location_id"]
        if chosen == _NEW_LOCATION:
            new = configuration["configure_location"]
            lines = [f"* {name[len('location_') :].capitalize()}: {new[name]}" for name in _PROPOSED]
            location = "\n".join(["This location is created:\n", *lines])
        else:
            found = self.session.get("Location", chosen)
            location = f"The location {found['label'] if found else chosen}, which is there already."
        folders = _folders(configuration)
        lines = [f"* {label}: {folders[name] or '*Not set*'}" for name, label in _SYSTEMS.items()]
        missing = [label for name, label in _SYSTEMS.items() if not folders[name]]
        if missing:
            lines.append(f"\nThe location cannot be used on {' and '.join(missing)}, which have no folder.")
        heads = "#Confirm storage setup#\n\n##Location##\n\n", "\n\n##Mount points##\n\n"
        return f"{heads[0]}{location}{heads[1]}" + "\n".join(lines)

    def _save(self, configuration: Values) -> None:
        chosen = configuration["select_location"]["location_id"]
        if chosen == _NEW_LOCATION:
            new = configuration["configure_location"]
            data = {name[len("location_") :]: new[name] for name in _PROPOSED}
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
    """What ftrack calls the system of this machine."""
    if sys.platform == "darwin":
        return "osx"
    return "windows" if sys.platform == "win32" else "linux"


def _mount_points(storage_scenario: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = storage_scenario["data"]["accessor"]["mount_points"]
    return found


def _folders(configuration: Values) -> dict[str, str]:
    given = configuration["select_mount_point"]
    return {name: given.get(f"{name}_mount_point") or "" for name in _SYSTEMS}


def _new_location_page(filled_in: Values) -> list[Values]:
    text = "#Create location#\nWhat is proposed here does for most studios."
    fields = [
        {"type": "text", "label": name[len("location_") :].capitalize(), "name": name, "value": filled_in.get(name)}
        for name in _PROPOSED
    ]
    return [_label(text), *fields]


def _mount_point_page(accessor: Values) -> list[Values]:
    text = (
        "#Mount points#\nWhere does each system see the storage? "
        "On a system without a folder, files are neither read nor written."
    )
    now = accessor.get("mount_points") or {}
    fields = [
        {"type": "text", "label": label, "name": f"{name}_mount_point", "value": now.get(name, "")}
        for name, label in _SYSTEMS.items()
    ]
    return [_label(text), *fields]


def _label(text: str) -> Values:
    return {"type": "label", "value": text}
