import pytest

from ft_dcc.server.auth.tokens import is_review_key, review_key, sign, verify
from ft_dcc.server.errors import Forbidden

SECRET = b"s" * 32


def test_review_key_is_stable_and_differs_between_sessions():
    assert review_key(SECRET, "a") == "ToprGDrs7mDqIeZdLjYr-Dh2QrIOcN5s"
    assert review_key(SECRET, "b") != review_key(SECRET, "a")
    assert review_key(b"t" * 32, "a") != review_key(SECRET, "a")


@pytest.mark.parametrize("wrong", ["", "a", "x" * 32, "\u00fc" * 32, "\ud800", review_key(SECRET, "b")])
def test_review_session_accepts_only_its_own_key(wrong):
    assert is_review_key(SECRET, "a", review_key(SECRET, "a"))
    assert not is_review_key(SECRET, "a", wrong)


def test_verify_returns_the_signed_claims():
    token = sign(SECRET, "upload", {"component_id": "\u00fc/..", "size": 4}, 60)
    assert verify(SECRET, "upload", token) == {"component_id": "\u00fc/..", "size": 4}


def test_token_consists_of_url_safe_characters():
    token = sign(SECRET, "upload", {"component_id": "?&=#/+ " * 9}, 60)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@pytest.mark.parametrize("token", ["", ".", "a.b", "\ud800.\ud800", "e30.", "." + "x" * 43, "x" * 10_000])
def test_malformed_token_is_rejected(token):
    with pytest.raises(Forbidden, match="signature"):
        verify(SECRET, "upload", token)


def test_token_is_rejected_for_another_purpose_secret_or_after_expiry():
    token = sign(SECRET, "upload", {}, 60)
    payload, signature = token.split(".")
    for secret, purpose, sent in (
        (SECRET, "download", token),
        (b"t" * 32, "upload", token),
        (SECRET, "upload", f"{payload[:-2]}AA.{signature}"),
        (SECRET, "upload", f"{payload}."),
    ):
        with pytest.raises(Forbidden, match="signature"):
            verify(secret, purpose, sent)
    with pytest.raises(Forbidden, match="expired"):
        verify(SECRET, "upload", sign(SECRET, "upload", {}, -1))
