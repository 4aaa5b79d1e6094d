"""The official client's event hub and ours hear each other over the studio server."""

import threading
from uuid import uuid4

import pytest

from ft_dcc.session.events.event import Event
from ft_dcc.session.events.hub import EventHub


@pytest.fixture
def hub(studio_server):
    hub = EventHub(studio_server.server_url, studio_server.api_user, studio_server.api_key)
    hub.connect()
    yield hub
    hub.close()


def test_official_hub_and_ours_exchange_events_and_replies(official, hub, session, project):
    ask, answer = f"ask.{uuid4().hex}", f"answer.{uuid4().hex}"
    result = {}
    asked = []

    def respond(event):
        asked.append(event["data"])
        return {"ours says": event["data"]["n"] + 1}

    hub.subscribe(f"topic={ask}", respond)
    official_client = threading.Thread(target=lambda: result.update(official("hub", ask, answer)))
    official_client.start()
    # It has subscribed to everything once its own question is here.
    while not asked:
        hub.wait(0.1)
    question = Event(answer, data={"n": 10, "kind": "question"})
    assert hub.publish_and_wait_for_reply(question)["data"] == {"official says": 11}
    project["full_name"] = "Heard by the official client"
    session.commit()
    official_client.join()
    assert asked == [{"n": 1}]
    assert result["answers"] == [{"ours says": 2}]
    assert result["asked"] == [[{"n": 10, "kind": "question"}, "admin"]]
    change = {"old": project["name"], "new": "Heard by the official client"}
    assert ["Project", "update", change] in result["updates"]
