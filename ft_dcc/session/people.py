"""What users and their time can do."""

from __future__ import annotations

import datetime
import logging

from ft_dcc.errors import NoResultFoundError, NotUniqueError, ServerError
from ft_dcc.session.entity import Entity
from ft_dcc.session.expression import field, find

_log = logging.getLogger(__name__)


class User(Entity):
    """Somebody who works with the site."""

    __slots__ = ()

    def start_timer(
        self, context: Entity | None = None, comment: str = "", name: str | None = None, force: bool = False
    ) -> Entity:
        """Return a timer that runs since now; it is committed, with whatever else is pending in this thread.

        With ``force`` a timer that runs already is stopped, which leaves its timelog. Raises NotUniqueError when one
        runs.
        """
        if force:
            try:
                self.stop_timer()
            except NoResultFoundError:
                _log.debug("No timer of %r runs.", self)
        timer = self.session.create("Timer", {"user": self, "context": context, "name": name, "comment": comment})
        try:
            self.session.commit()
        except ServerError as error:
            if "DuplicateEntryError" not in str(error):
                raise
            # What cannot become true is no longer pending, or the next commit would fail with it.
            self.session.withdraw(timer)
            raise NotUniqueError(
                f"A timer of {self!r} runs already. Stop it first, or start the new one with force=True."
            ) from error
        return timer

    def stop_timer(self) -> Entity:
        """Return the timelog that the running timer became; both changes are committed.

        Raises NoResultFoundError when no timer runs.
        """
        timer = self.session.query(find("Timer").where(field("user_id") == self["id"])).one()
        timelog = self.session.create(
            "Timelog",
            {
                "user_id": timer["user_id"],
                "context_id": timer["context_id"],
                "comment": timer["comment"],
                "start": timer["start"],
                "duration": _seconds_since(timer["start"], self._zone()),
                "name": timer["name"],
            },
        )
        self.session.delete(timer)
        self.session.commit()
        return timelog

    def send_invite(self) -> None:
        """The user, who is committed, gets an e-mail that lets him in."""
        self.session.send_user_invite(self)

    def reset_api_key(self) -> str:
        """Return the user's new API key; the old one is worth nothing from now on."""
        return str(self.session.reset_remote("api_key", entity=self)["api_key"])

    def _zone(self) -> datetime.timezone | None:
        """Return the zone of the server's clock: UTC, or None where the site keeps the local time of its machines."""
        if self.session.server_information.get("is_timezone_support_enabled") is False:
            return None
        return datetime.timezone.utc


def _seconds_since(start: datetime.datetime, zone: datetime.timezone | None) -> int:
    now = datetime.datetime.now(zone)
    return max(0, int((now - (start if zone is not None else start.replace(tzinfo=None))).total_seconds()))
