"""Configure the centralized storage page by page; either client prints what the pages hold."""

import json
import sys


def work(session, scenario, name, folder):
    before = session.query('Setting where name is "storage_scenario" and group is "STORAGE"').one()
    kept = before["value"]
    pages = []

    def answer(**values):
        if pages:
            values.update({item["name"]: item["value"] for item in pages[-1]["items"] if item["type"] == "hidden"})
        pages.append(scenario.configure_scenario({"data": {"values": values}}))

    answer()
    answer(location_id="no such location")
    answer(location_id="create_new_location")
    answer(location_name="ftrack.server", location_label="Studio", location_description="All files.")
    answer(location_name=name, location_label="Studio", location_description="")
    answer(location_name=name, location_label="Studio", location_description="All files.")
    answer(linux_mount_point=folder, osx_mount_point="", windows_mount_point="")
    answer()
    session.reset()
    setting = session.query('Setting where name is "storage_scenario" and group is "STORAGE"').one()
    location = session.query(f'Location where name is "{name}"').one()
    stored = json.loads(setting["value"])
    stored["data"]["location_id"] = stored["data"]["location_id"] == location["id"]
    pages.append(scenario.configure_scenario({"data": {"values": {}}}))
    setting["value"] = kept
    session.commit()
    return {
        "pages": [described(page, location["id"]) for page in pages],
        "stored": stored,
        "location": [location["label"], location["description"]],
        "scenario": scenario.discover_centralized_scenario({})["id"],
    }


def described(page, location_id):
    fields = [[item["type"], item.get("name")] for item in page["items"]]
    step = next(item["value"] for item in page["items"] if item.get("name") == "step")
    proposed = [item["value"] == location_id for item in page["items"] if item.get("name") == "location_id"]
    return {"state": page["state"], "step": step, "fields": fields, "proposed": proposed}


if __name__ == "__main__":
    import ftrack_api
    from ftrack_api import _centralized_storage_scenario

    session = ftrack_api.Session(auto_connect_event_hub=False)
    session.event_hub.connect()
    scenario = _centralized_storage_scenario.ConfigureCentralizedStorageScenario()
    scenario.register(session)
    print(json.dumps(work(session, scenario, *sys.argv[1:])))
    session.event_hub.disconnect()
