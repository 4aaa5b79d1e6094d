"""A review session with one version and an invitee, for tests through HTTP, on the data of a server and in process."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import attrs
import requests
from doubles.operations import create, update
from run_options import TIMEOUT_SECONDS

from ft_dcc.server.mail.mailer import queued_messages

PAST, FUTURE = ({"__type__": "datetime", "value": f"{year}-03-04T09:30:00"} for year in (2020, 2090))
MOVIE_BYTES = b"film" * 1000
INVITEE = {"name": "Ada Example", "email": "ada@example.com"}


def review_operations(project="", context="", name="Dailies", **version):
    """Return the ids of a review session with one version of an asset, and the operations that create it.

    The session is in a project of its own if none is given, and the asset in the project if no context is.
    """
    ids = SimpleNamespace(**{each: str(uuid4()) for each in ["asset", "version", "session", "object", "invitee"]})
    ids.project = project or str(uuid4())
    operations = [
        create("Asset", id=ids.asset, name="playblast", context_id=context or ids.project),
        create("AssetVersion", id=ids.version, asset_id=ids.asset, **version),
        create("ReviewSession", id=ids.session, name=name, project_id=ids.project),
        create("ReviewSessionObject", id=ids.object, review_session_id=ids.session, version_id=ids.version),
        create("ReviewSessionInvitee", id=ids.invitee, review_session_id=ids.session, **INVITEE),
    ]
    if not project:
        operations.insert(0, create("Project", id=ids.project, name=f"p{uuid4().hex[:8]}"))
    return ids, operations


def feedback_operations(ids):
    """Return the operations that create a note, a verdict and a drawing on the version, whose ids are added."""
    ids.note, ids.status, ids.annotation = (str(uuid4()) for _ in range(3))
    item = {"review_session_object_id": ids.object}
    seen = {"status": "seen", "review_session_invitee_id": ids.invitee}
    return [
        create("Note", id=ids.note, content="secret", parent_id=ids.object, parent_type="ReviewSessionObject"),
        create("ReviewSessionObjectStatus", id=ids.status, **seen, **item),
        create("ReviewSessionObjectAnnotation", id=ids.annotation, data="[]", frame_number=1, **item),
    ]


@attrs.frozen
class Review:
    """A session of a project of its own on a server, with one version and a note on it."""

    http_client: Any
    ids: SimpleNamespace

    def __getattr__(self, name):
        return str(getattr(self.ids, name))

    def change(self, entity_type, key, **data):
        return self.http_client.post(update(entity_type, key, **data))

    def set(self, **data):
        assert self.change("ReviewSession", self.session, **data).status_code == 200

    def invitation(self):
        outbox = self.http_client.server.data / "outbox"
        before = {mail.path for mail in queued_messages(outbox)}
        sending = {"action": "send_review_session_invite", "review_session_invitee_id": self.invitee}
        assert self.http_client.post(sending).json()[0]["sent"] is True
        (mail,) = (found for found in queued_messages(outbox) if found.path not in before)
        return mail

    def invite(self):
        """Return the link in the mail that is sent now."""
        (link,) = re.findall(r"http://\S+", self.invitation().text)
        return str(link)

    @property
    def link(self):
        return str(self.query(f"select review_url from ReviewSession where id is {self.session}")[0]["review_url"])

    def query(self, expression):
        return self.http_client.post({"action": "query", "expression": expression}).json()[0]["data"]


def make_review(http_client, name="Dailies", *, has_media=False):
    """Create a review session; with media, its version has a movie, and a secret scene beside it."""
    ids, operations = review_operations(name=name)
    operations += [
        create("Note", content=f"internal of {name}", parent_id=ids.version, parent_type="AssetVersion"),
        create("Note", content=f"shown in {name}", parent_id=ids.object, parent_type="ReviewSessionObject"),
    ]
    if has_media:
        ids.movie, ids.scene = http_client.upload(MOVIE_BYTES), http_client.upload(b"//Maya ASCII", ".ma")
        for component, component_name in ((ids.movie, "ftrackreview-mp4"), (ids.scene, "scene")):
            operations.append(update("FileComponent", component, version_id=ids.version, name=component_name))
    answer = http_client.post(*operations)
    assert answer.status_code == 200, answer.text
    return Review(http_client, ids)


def say(link, what, **fields):
    return requests.post(f"{link}/{what}", json=fields, timeout=TIMEOUT_SECONDS)


def see(link, path="", **options):
    return requests.get(f"{link}/{path}" if path else link, timeout=TIMEOUT_SECONDS, **options)


def entry_of(link, object_id):
    return see(link, f"entries/{object_id}").json()
