"""How a session begins, what it keeps for the next one, and how it ends."""

import logging
import sys
import uuid

import pytest
from doubles.programs import run_process

from ft_dcc import errors
from ft_dcc.session import Session
from ft_dcc.settings.resolve import read_settings


def test_session_reads_its_settings_from_the_environment(signed_in, studio_server):
    with Session() as session:
        assert session.server_url == studio_server.server_url
        assert session.api_user == studio_server.api_user
        assert session.query("Status").first() is not None


@pytest.mark.parametrize("variable", ["FTRACK_SERVER", "FTRACK_API_KEY", "FTRACK_API_USER"])
def test_missing_setting_is_named(signed_in, monkeypatch, variable):
    monkeypatch.delenv(variable)
    with pytest.raises(errors.SettingInvalid, match=variable):
        Session()


def test_invalid_arguments_are_named(signed_in):
    with pytest.raises(errors.SettingInvalid, match="time-out 0 is invalid"):
        Session(timeout=0)
    with pytest.raises(TypeError, match="headers must be a mapping, not a list"):
        Session(headers=["a"])
    refusal = "'studio:8080' is not the address of a server. Write it like https://"
    with pytest.raises(errors.SettingInvalid, match=refusal):
        Session("studio:8080")


@pytest.mark.parametrize("address", ["http://ada:k3y@studio.example.com", "https://k3y@example.com:80/x", "a:k3y@b"])
def test_address_with_a_key_is_refused_without_showing_it(signed_in, monkeypatch, address):
    monkeypatch.setenv("FTRACK_SERVER", address)
    for refused in (Session, lambda: read_settings().require("server")):
        with pytest.raises(errors.SettingInvalid, match="contains a user or a key") as caught:
            refused()
        assert "k3y" not in str(caught.value)


def test_wrong_key_is_refused_at_the_start(studio_server):
    with pytest.raises(errors.AuthenticationError) as caught:
        Session(studio_server.server_url, "no such key", studio_server.api_user)
    assert "no such key" not in str(caught.value)
    # Scripts catch it as what the official client raises.
    assert isinstance(caught.value, errors.ServerError)
    assert caught.value.error_class == "InvalidCredentialsError"


def test_repr_does_not_contain_the_key(session, studio_server):
    assert studio_server.api_key not in repr(session)
    assert session.api_key == studio_server.api_key


def test_old_server_is_refused(session):
    session.server_information["version"] = "3.3.10"
    with pytest.raises(errors.ServerCompatibilityError, match=r"3\.3\.10"):
        session.check_server_compatibility()
    session.server_information["version"] = "dev"
    session.check_server_compatibility()


def test_closed_session_cannot_be_used(open_session):
    session = open_session()
    assert not session.closed
    session.close()
    session.close()
    assert session.closed
    with pytest.raises(errors.ConnectionClosedError):
        session.query("Task").all()


def test_uncommitted_changes_are_reported_on_close(open_session, caplog):
    session = open_session()
    session.create("User", {"username": f"name_{uuid.uuid4().hex}"})
    with caplog.at_level(logging.WARNING):
        session.close()
    assert "1 changes were not committed" in caplog.text


def test_schema_cache_of_the_environment_is_used_unless_it_is_disabled(open_session, tmp_path, monkeypatch, sent):
    monkeypatch.setenv("FTRACK_API_SCHEMA_CACHE_PATH", str(tmp_path))
    for _ in range(2):
        assert "Task" in open_session(schema_cache_path=False).types
    assert [request[0]["action"] for request in sent].count("query_schemas") == 2
    assert list(tmp_path.iterdir()) == []
    open_session()
    assert len(list(tmp_path.iterdir())) == 1


def test_schemas_are_fetched_once(open_session, tmp_path, sent):
    first = open_session(schema_cache_path=tmp_path)
    assert "Task" in first.types
    second = open_session(schema_cache_path=tmp_path)
    assert second.types["Task"].attributes.keys() == first.types["Task"].attributes.keys()
    assert [[each["action"] for each in request] for request in sent] == [
        ["query_server_information"],
        ["query_schemas"],
        ["query_server_information"],
    ]


def test_unclosed_session_is_closed_at_exit(signed_in):
    script = (
        "import ft_dcc; session = ft_dcc.Session(); close = session.transport.close;"
        "session.transport.close = lambda: (close(), print('closed'))"
    )
    done = run_process(sys.executable, "-c", script, check=True)
    assert done.stdout == "closed\n"
