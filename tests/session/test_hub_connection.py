import logging
import socket

import pytest
from run_options import wait_until

from ft_dcc.errors import EventHubConnectionError
from ft_dcc.session.events.event import Event
from ft_dcc.session.events.hub import EventHub


def test_events_published_while_connecting_are_sent_in_order(open_hub, topic, wait_for):
    hub = open_hub(is_connected=False)
    received = []
    hub.subscribe(f"topic={topic}", lambda event: received.append(event["data"]))
    hub.init_connection()
    assert [hub.publish(Event(topic, data=number)) for number in range(3)] == [True, True, True]
    hub.connect()
    hub.publish(Event(topic, data=3))
    wait_for(hub, lambda: len(received) == 4)
    assert received == [0, 1, 2, 3]


def test_second_connect_is_refused(hub):
    with pytest.raises(EventHubConnectionError, match="Already connected"):
        hub.connect()
    assert hub.connected is True


def test_disconnected_hub_has_no_thread_and_no_subscriber(open_hub):
    hub = open_hub()
    identifier = hub.subscribe("topic=a", print)
    thread = hub._connection._thread
    assert thread is not None
    assert thread.daemon is True
    hub.disconnect()
    assert hub.connected is False
    assert thread.is_alive() is False
    assert hub.get_subscriber_by_identifier(identifier) is None
    hub.close()


def test_closed_hub_cannot_be_connected_again(open_hub):
    hub = open_hub()
    hub.close()
    for connect in (hub.connect, hub.connect_in_background):
        with pytest.raises(EventHubConnectionError, match=r"is closed\. Create another session"):
            connect()
    assert hub.connected is False
    assert hub._connection._thread is None
    hub.close()


def test_last_event_arrives_although_the_hub_is_closed_at_once(open_hub, topic, wait_for, settle):
    ann, bob = open_hub(), open_hub()
    received = []
    bob.subscribe(f"topic={topic}", lambda event: received.append(event["data"]))
    settle(bob)
    for number in range(100):
        ann.publish(Event(topic, data=number))
    ann.close()
    wait_for(bob, lambda: len(received) == 100)


def test_reconnect_keeps_the_subscribers(hub, topic, wait_for):
    received = []
    hub.subscribe(f"topic={topic}", received.append)
    # An old disconnection does not end a new wait.
    hub.disconnect(unsubscribe=False)
    hub.connect()
    hub.reconnect()
    hub.publish(Event(topic))
    wait_for(hub, lambda: received)


def test_reconnect_reports_failure_after_its_attempts():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        hub = EventHub(f"http://127.0.0.1:{closed.getsockname()[1]}", "ann", "key")
        refusal = "Failed to reconnect to event server at .* after 2 attempts"
        with pytest.raises(EventHubConnectionError, match=refusal):
            hub.reconnect(attempts=2, delay=0)
        with pytest.raises(EventHubConnectionError, match="The event server at"):
            hub.connect()
    hub.close()


def test_wrong_key_is_refused_without_retry(open_hub):
    hub = open_hub(is_connected=False, api_key="wr0ng")
    with pytest.raises(EventHubConnectionError) as caught:
        hub.connect()
    assert caught.value.details == {"status": 401}
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(EventHubConnectionError):
        hub.publish(Event("a"))


def test_hub_connects_in_the_background(open_hub, topic, wait_for):
    hub = open_hub(is_connected=False)
    received = []
    hub.subscribe(f"topic={topic}", received.append)
    hub.connect_in_background()
    hub.publish(Event(topic))
    assert hub.wait_until_connected() is True
    wait_for(hub, lambda: received)


def test_background_connection_with_a_wrong_key_is_reported(open_hub, caplog):
    hub = open_hub(is_connected=False, api_key="wr0ng")
    hub.connect_in_background()
    hub.wait()
    assert "returned status 401" in caplog.text
    assert "wr0ng" not in caplog.text
    with pytest.raises(EventHubConnectionError):
        hub.publish(Event("a"))


def test_lost_connection_is_restored_with_waiting_events(open_hub, line, topic, caplog, wait_for, settle):
    caplog.set_level(logging.INFO)
    hub = open_hub(server_url=line.url)
    received = []
    hub.subscribe(f"topic={topic}", lambda event: received.append(event["data"]))
    settle(hub)
    line.cut()
    wait_for(hub, lambda: not hub.connected)
    assert hub.publish(Event(topic, data=1)) is True
    line.connect()
    wait_for(hub, lambda: received)
    hub.publish(Event(topic, data=2))
    wait_for(hub, lambda: len(received) == 2)
    assert received == [1, 2]
    assert f"The connection to the event server at {line.url} was lost. Reconnecting." in caplog.messages
    assert f"Connected to the event server at {line.url}." in caplog.messages


def test_close_does_not_wait_for_a_dead_server(open_hub, line, wait_for):
    hub = open_hub(server_url=line.url)
    line.cut()
    wait_for(hub, lambda: not hub.connected)
    thread = hub._connection._thread
    hub.close()
    assert thread is not None
    assert thread.is_alive() is False


def test_unresponsive_server_does_not_block_close():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hub = EventHub(f"http://127.0.0.1:{silent.getsockname()[1]}", "ann", "key")
        hub.connect_in_background()
        connection, _ = silent.accept()
        with connection:
            hub.close()
    assert hub.connected is False


def test_logs_contain_neither_key_nor_connection_id(studio_server, open_hub, topic, caplog, wait_for):
    caplog.set_level(logging.DEBUG)
    hub = open_hub(headers={"X-Studio": "h3ader"}, cookies={"session": "c00kie"})
    hub.subscribe(f"topic={topic}", lambda event: 1 / 0)
    hub.publish(Event(topic, data={"password": "s3cret"}))
    wait_for(hub, lambda: "division by zero" in caplog.text)
    hub.close()
    for secret in (studio_server.api_key, "h3ader", "c00kie", "s3cret", "/websocket/"):
        assert secret not in caplog.text


def test_full_queue_drops_the_oldest_events(hub, topic, caplog, monkeypatch, wait_for):
    monkeypatch.setattr("ft_dcc.session.events.event._MAX_EVENTS", 3)
    received = []
    hub.subscribe(f"topic={topic}", lambda event: received.append(event["data"]))
    for number in range(6):
        hub.publish(Event(topic, data=number))
    dropped = "was dropped. Call wait()."
    wait_until(lambda: sum(dropped in message for message in caplog.messages) == 4, "warnings of four dropped events")
    wait_for(hub, lambda: len(received) == 3)
    assert received == [3, 4, 5]
