"""The values that plugins hand on to each other: what each is, and who writes it.

A studio's plugin reads them the same way: ``FRAMES.get(instance)``. Those of the whole publish lie on the
context, those of one source on its instance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from ft_dcc.errors import PluginBroken
from ft_dcc.frames import Frames
from ft_dcc.host import Host, Scene
from ft_dcc.media import Encoding, FilmFacts, Media
from ft_dcc.publish import records
from ft_dcc.publish.engine import Context, Instance
from ft_dcc.publish.progress import Pulse

if TYPE_CHECKING:
    from ft_dcc.publish.job import Job
    from ft_dcc.session import Session

T = TypeVar("T")


class SlotEmpty(PluginBroken):
    """Nobody wrote the slot: its writer failed, or runs later."""


@attrs.frozen
class Slot(Generic[T]):
    """One value on the context or on an instance."""

    name: str
    kind: Any
    writer: str

    @property
    def key(self) -> str:
        """Its place in pyblish's ``data``."""
        return f"ft_dcc.{self.name}"

    def get(self, owner: Context | Instance) -> T:
        """Return the value; raises SlotEmpty, naming the writer, when there is none."""
        value = self.find(owner)
        if value is None:
            raise SlotEmpty(
                f"Nothing is in {self.name.upper()} until {self.writer} has run. Give your plugin a later order."
            )
        return value

    def find(self, owner: Context | Instance) -> T | None:
        """Return the value, or None when there is none."""
        value: T | None = owner.data.get(self.key)
        return value

    def set(self, owner: Context | Instance, value: T) -> None:
        """The value is in the slot, and goes to the journal with the outcome of the plugin that set it."""
        if not isinstance(value, self.kind):
            raise PluginBroken(f"{self.name.upper()} takes {self.kind.__name__}, not {type(value).__name__}.")
        owner.data[self.key] = value


# On the context, from the beginning.
REQUEST: Slot[records.PublishRequest] = Slot("request", records.PublishRequest, "publish")
SESSION: Slot[Session] = Slot("session", object, "publish")
HOST: Slot[Host] = Slot("host", object, "publish")
JOB: Slot[Job] = Slot("job", object, "publish")
CAPTURED: Slot[records.Captured] = Slot("captured", records.Captured, "publish")
PULSE: Slot[Pulse] = Slot("pulse", Pulse, "publish")

# On the context, from collectors.
SCENE: Slot[Scene] = Slot("scene", Scene, "CollectScene")
TASK: Slot[records.Task] = Slot("task", records.Task, "CollectTask")
SHOT: Slot[records.Shot] = Slot("shot", records.Shot, "CollectShot")
REVIEWS: Slot[list[records.Review]] = Slot("reviews", list, "CollectReviews")
DETAILS: Slot[records.Details] = Slot("details", records.Details, "CollectDetails")
ENCODER: Slot[str] = Slot("encoder", str, "ValidateEncoder")

# On each instance, from collectors.
NUMBER: Slot[int] = Slot("number", int, "CollectSources")
SOURCE: Slot[records.Source] = Slot("source", records.Source, "CollectSources")
VERSION_ID: Slot[str] = Slot("version_id", str, "CollectSources")
FACTS: Slot[FilmFacts] = Slot("facts", FilmFacts, "CollectFilm")
CLIP: Slot[records.Clip] = Slot("clip", records.Clip, "CollectCamera, CollectFrames, CollectFilm or CollectImage")
ASSET: Slot[records.Asset] = Slot("asset", records.Asset, "CollectAsset")

# On each instance, from extractors. The number and the lens are there where they are written into the picture. What was
# given as a film or a picture has no frames. Encodings are of films whose frames are still being captured.
VERSION: Slot[int] = Slot("version", int, "FindNumber")
LENS: Slot[dict[str, str]] = Slot("lens", dict, "CaptureFrames")
FRAMES: Slot[Frames] = Slot("frames", Frames, "CollectFrames or CaptureFrames")
ENCODINGS: Slot[dict[str, Encoding]] = Slot("encodings", dict, "CaptureFrames")
FILM: Slot[Media] = Slot("film", Media, "EncodeFrames, TranscodeFilm or MakeStill")
THUMBNAIL: Slot[Media] = Slot("thumbnail", Media, "MakeThumbnail")
OUTPUTS: Slot[list[Media]] = Slot("outputs", list, "MakeOutputs")
EXTRAS: Slot[list[records.Extra]] = Slot("extras", list, "add_component")

# On each instance, from integrators.
COMPONENTS: Slot[list[records.Component]] = Slot("components", list, "UploadComponents")
REGISTERED: Slot[records.Registered] = Slot("registered", records.Registered, "RegisterVersion")
LINK: Slot[str] = Slot("link", str, "FindLink")
