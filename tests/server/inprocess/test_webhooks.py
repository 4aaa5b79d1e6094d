"""Webhooks: what is sent, to whom it is never sent, and what happens when nobody answers; the time is given."""

import functools
import hashlib
import hmac
import json
import logging
import socket
import ssl
import time
from uuid import uuid4

import pytest
from doubles.operations import create, keyed
from doubles.reviews import review_operations
from doubles.scripted_server import scripted_server

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.admin import commands
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.notifications import webhooks
from ft_dcc.server.notifications.webhooks import DeliveryFailed, WebhookClient, read_allowed_networks
from ft_dcc.server.notifications.worker import process_notifications

LOOPBACK = read_allowed_networks({"FT_DCC_WEBHOOK_NETWORKS": "127.0.0.0/8"})
# localhost may have an address of each family.
LOOPBACK_BOTH = read_allowed_networks({"FT_DCC_WEBHOOK_NETWORKS": "127.0.0.0/8, ::1/128"})


PLACE = "/services/SECRETPATH?token=SECRETQUERY"


@pytest.fixture
def receiver():
    with scripted_server() as found:
        yield found


@pytest.fixture
def run(studio):
    """Process and send what is due some seconds after the first call, however long the calls take."""
    studio.mailer.own_url = "http://studio.test"
    first_call = functools.cache(time.time)
    return lambda seconds=0.0: process_notifications(studio, WebhookClient(LOOPBACK), first_call() + seconds)


@pytest.fixture
def add(studio, tree, monkeypatch):
    """Add a webhook to the project and return its id and secret."""
    monkeypatch.setenv("FT_DCC_WEBHOOK_NETWORKS", "127.0.0.0/8")
    run = functools.partial(commands.run_command, studio, "webhook-add")
    return lambda url, **values: run({"project": tree.name, "url": url, **values})


@pytest.fixture
def listed(studio, tree):
    def find():
        hooks = commands.run_command(studio, "webhooks", {})["webhooks"]
        (found,) = (hook for hook in hooks if hook["project"] == tree.name)
        return found

    return find


@pytest.fixture
def version(client, tree):
    """Create version 3 of an asset in a review session and return the ids."""

    def create_version(**values):
        ids, operations = review_operations(tree.project, tree.shot, version=3, task_id=tree.animation, **values)
        client.call(*operations)
        return ids

    return create_version


def note(client, ids, text):
    return client.create("Note", content=text, parent_id=ids.object, parent_type="ReviewSessionObject")


def test_new_version_note_and_verdict_are_sent_as_signed_json(client, add, run, receiver, version, tree):
    added = add(receiver.url + PLACE)
    ids = version(comment="First pass")
    note_id = note(client, ids, "Arm too high")
    key = {"review_session_object_id": ids.object, "review_session_invitee_id": ids.invitee}
    client.create("ReviewSessionObjectStatus", status="approved", **key)
    run()
    bodies = [json.loads(request.body) for request in receiver.requests]
    assert [body["event"] for body in bodies] == ["version.created", "note.created", "verdict.set"]
    assert bodies[0]["project"] == {"id": tree.project, "name": tree.name}
    assert bodies[0]["version"] == {"id": ids.version, "name": "sh010 playblast v003", "comment": "First pass"}
    assert bodies[0]["link"] == f"http://studio.test/review/{ids.session}"
    assert bodies[1]["note"] == {"id": note_id, "text": "Arm too high", "frame": None, "has_drawing": False}
    assert (bodies[2]["verdict"], bodies[2]["author"]) == ("approved", "Ada Example")
    for request in receiver.requests:
        stamp, _, digest = request.headers["X-Ft-Dcc-Signature"].partition(",v1=")
        signed = f"{stamp[2:]}.".encode() + request.body
        assert hmac.new(added["secret"].encode(), signed, hashlib.sha256).hexdigest() == digest
        assert request.path == PLACE
    run()
    assert len(receiver.requests) == 3


def test_webhook_gets_the_events_that_it_wants_of_its_project(client, add, run, receiver, version):
    add(receiver.url + PLACE, events=["note.created"])
    ids = version()
    note(client, ids, "One")
    (label, secret) = (str(uuid4()) for _ in range(2))
    place = {"parent_id": ids.object, "parent_type": "ReviewSessionObject"}
    links = keyed("NoteLabelLink", note_id=secret, label_id=label)
    client.call(create("NoteLabel", id=label, name="Internal"), create("Note", id=secret, content="x", **place), links)
    client.create("Note", content="Why?", in_reply_to_id=secret, **place)
    other = client.create("Project", name=f"other_{uuid4().hex[:8]}")
    client.create("Note", content="On a project", parent_id=other, parent_type="Project")
    run()
    assert [json.loads(request.body)["event"] for request in receiver.requests] == ["note.created"]


def test_slack_gets_escaped_text(client, add, run, receiver, version):
    add(receiver.url + PLACE, form="slack", events=["note.created"])
    ids = version()
    note(client, ids, "*Arm* <!channel> & @everyone")
    run()
    (request,) = receiver.requests
    link = f"http://studio.test/review/{ids.session}"
    text = f"admin on sh010 playblast v003: *Arm* &lt;!channel&gt; &amp; @everyone\n<{link}|Open the review>"
    assert json.loads(request.body) == {"text": text}
    assert "X-Ft-Dcc-Signature" not in request.headers


def test_failed_message_is_repeated_later_and_later_and_in_order(client, add, run, receiver, version, listed):
    add(receiver.url + PLACE, events=["note.created"])
    ids = version()
    receiver.answers = [(500, {}, b""), (500, {}, b""), (200, {}, b"")]
    note(client, ids, "One")
    note(client, ids, "Two")
    run()
    run(5)
    assert (len(receiver.requests), listed()["waiting"]) == (1, 2)
    assert listed()["error"] == "127.0.0.1 answered with status 500."
    run(11)
    run(11 + 39)
    assert len(receiver.requests) == 2
    run(11 + 41)
    texts = [json.loads(request.body)["note"]["text"] for request in receiver.requests]
    assert texts == ["One", "One", "One", "Two"]
    assert (listed()["waiting"], listed()["error"]) == (0, "")


def test_messages_survive_a_restart_and_end_after_two_days(client, add, run, receiver, version, listed, studio):
    add(receiver.url + PLACE, events=["note.created"])
    ids = version()
    receiver.answers = [(503, {"Retry-After": "600"}, b"")]
    note(client, ids, "One")
    run()
    run(599)
    assert len(receiver.requests) == 1
    # Another process that opens the database finds the same queue.
    process_notifications(studio, WebhookClient(LOOPBACK), time.time() + 601)
    assert (len(receiver.requests), listed()["waiting"]) == (2, 1)
    run(webhooks.MAX_AGE_SECONDS + 1)
    assert (len(receiver.requests), listed()["waiting"]) == (3, 0)


def test_redirects_are_not_followed(client, add, run, receiver, version, listed):
    add(receiver.url + PLACE, events=["note.created"])
    receiver.answers = [(302, {"Location": "http://127.0.0.1:1/"}, b"")]
    note(client, version(), "One")
    run()
    assert listed()["error"] == "127.0.0.1 answered with status 302."


def test_receiver_that_cannot_be_reached_delays_no_other(client, add, run, receiver, version, studio, tree):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        add(f"http://127.0.0.1:{closed.getsockname()[1]}/", events=["note.created"])
        add(receiver.url + PLACE, events=["note.created"])
        note(client, version(), "One")
        run()
    assert len(receiver.requests) == 1


def test_private_addresses_are_refused():
    client = WebhookClient()
    for host in (
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("224.0.0.1", "[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.1]", "[2002:a00:1::]", "[64:ff9b::a00:1]"),
        *("[::]", "192.0.0.8", "192.0.0.192", "192.88.99.1", "[fec0::1]", "[::ffff:0:a00:1]", "[::a00:1]"),
        *("168.63.129.16", "100.100.100.200", "[fd00:ec2::254]", "[2001::1]", "[5f00::1]", "198.18.0.1", "240.0.0.1"),
    ):
        for scheme in ("http", "https"):
            with pytest.raises(ValidationError, match="is in a private network"):
                client.check(f"{scheme}://{host}/")
            with pytest.raises(DeliveryFailed, match="is in a private network"):
                client.post(f"{scheme}://{host}/", b"", {})


def test_name_that_resolves_to_a_private_address_is_refused(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(webhooks.socket, "getaddrinfo", lambda *arguments, **options: found)
    with pytest.raises(DeliveryFailed, match=r"public\.example\.com is in a private network"):
        WebhookClient().post("https://public.example.com/", b"", {})


def test_connection_goes_to_the_address_that_was_checked(receiver, monkeypatch):
    answers = [("127.0.0.1", receiver.port), ("127.0.0.2", 1)]
    resolve = socket.getaddrinfo

    def change(host, *arguments, **options):
        if host != "name.example.com":
            return resolve(host, *arguments, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", answers.pop(0))]

    monkeypatch.setattr(webhooks.socket, "getaddrinfo", change)
    WebhookClient(LOOPBACK).post(f"http://name.example.com:{receiver.port}/", b"{}", {})
    assert receiver.requests[0].headers["Host"] == f"name.example.com:{receiver.port}"
    assert len(answers) == 1


def test_invalid_addresses_are_refused():
    client = WebhookClient()
    urls = ("ftp://example.com/", "https://", "https://user:key@example.com/", "https://example.com:99999/", "x")
    for url in (*urls, "https://a b/"):
        with pytest.raises(ValidationError, match="The address of a webhook is a URL"):
            client.check(url)


def test_unencrypted_addresses_are_refused_outside_of_the_allowed_networks():
    with pytest.raises(ValidationError, match="has no https://"):
        WebhookClient().check("http://93.184.216.34/")
    WebhookClient().check("https://93.184.216.34/")


def test_networks_that_are_none_are_refused():
    with pytest.raises(SettingInvalid, match="FT_DCC_WEBHOOK_NETWORKS: 'studio'"):
        read_allowed_networks({"FT_DCC_WEBHOOK_NETWORKS": "studio"})


def test_secrets_are_in_no_list_log_or_audit(client, add, run, receiver, version, listed, studio, caplog):
    caplog.set_level(logging.DEBUG)
    added = add(receiver.url + PLACE)
    receiver.answers = [(500, {}, b"")]
    note(client, version(), "One")
    run()
    run(webhooks.MAX_AGE_SECONDS + 60)
    audit = commands.run_command(studio, "audit", {})
    for text in (json.dumps(listed()), caplog.text, json.dumps(audit)):
        assert not [secret for secret in (added["secret"], "SECRETPATH", "SECRETQUERY") if secret in text]
    assert "were given up: 127.0.0.1 answered with status 500." in caplog.text


def test_webhook_is_tested_listed_and_removed(add, run, receiver, listed, studio):
    added = add(receiver.url + PLACE)
    commands.run_command(studio, "webhook-test", {"webhook": added["webhook_id"][:8]})
    run()
    assert json.loads(receiver.requests[0].body)["event"] == "ping"
    assert (listed()["host"], listed()["form"], listed()["waiting"]) == ("127.0.0.1", "json", 0)
    commands.run_command(studio, "webhook-remove", {"webhook": added["webhook_id"]})
    with pytest.raises(ValidationError, match=r"There is no webhook .*ft-dcc studio webhook list"):
        commands.run_command(studio, "webhook-test", {"webhook": added["webhook_id"]})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"form": "irc"}, "There is no form 'irc'. Use one of json, slack"),
        ({"events": ["birth"]}, "There is no event 'birth'"),
        ({"project": "none"}, "There is no project 'none'"),
        ({"url": "https://10.0.0.1/"}, "10.0.0.1 is in a private network"),
    ],
)
def test_wrong_arguments_are_one_sentence(studio, tree, values, sentence):
    arguments = {"project": tree.name, "url": "https://hooks.example.com/", **values}
    with pytest.raises(ValidationError) as caught:
        commands.run_command(studio, "webhook-add", arguments)
    assert sentence in str(caught.value)


def test_a_message_is_sent_with_tls_to_a_trusted_receiver_of_the_same_name_only(certificate):
    # The client sends to the first address of the name, which is of either family.
    family, *_, address = socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)[0]
    literal = f"[{address[0]}]" if ":" in address[0] else address[0]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    trusting, other = ssl.create_default_context(cafile=str(certificate[0])), ssl.create_default_context()
    with scripted_server((address[0], 0), family, tls) as receiver:
        for host, context in (("localhost", other), (literal, trusting)):
            with pytest.raises(DeliveryFailed, match=r"did not answer \(SSLCertVerificationError\)"):
                WebhookClient(LOOPBACK_BOTH, context).post(f"https://{host}:{receiver.port}/hook", b"{}", {})
        assert receiver.requests == []
        WebhookClient(LOOPBACK_BOTH, trusting).post(f"https://localhost:{receiver.port}/hook", b"{}", {})
        assert [request.body for request in receiver.requests] == [b"{}"]
