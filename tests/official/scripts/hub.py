"""Publish to one topic, reply on another, and print the received events; arguments: both topics."""

import json
import sys
import time

import ftrack_api
import ftrack_api.event.base

ASK, ANSWER = sys.argv[1:3]


def main() -> None:
    session = ftrack_api.Session(auto_connect_event_hub=False)
    hub = session.event_hub
    hub.connect()
    answers, asked, updates = [], [], []

    def answer(event):
        asked.append([event["data"], event["source"]["user"]["username"]])
        return {"official says": event["data"]["n"] + 1}

    hub.subscribe(f"topic={ANSWER} and data.kind=question", answer, subscriber={"id": f"{ANSWER}-subscriber"})
    hub.subscribe("topic=ftrack.update", lambda event: updates.extend(event["data"]["entities"]))
    question = ftrack_api.event.base.Event(topic=ASK, data={"n": 1})
    hub.publish(question, on_reply=lambda event: answers.append(event["data"]))
    deadline = time.monotonic() + 60
    while not (answers and asked and updates) and time.monotonic() < deadline:
        hub.wait(0.1)
    seen_updates = [[update["entity_type"], update["action"], update["changes"].get("fullname")] for update in updates]
    print(json.dumps({"answers": answers, "asked": asked, "updates": seen_updates}))
    session.close()


main()
