"""The values that plugins hand on to each other: the type of each, and the plugin that writes it.

A studio's plugins read them in the same way: ``FRAMES.get(instance)``. Values of the whole publish are on the context,
values of one source on its instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import attrs

from ft_dcc import errors, frames, host
from ft_dcc.media import EncodedFile, LiveEncode, MovieInfo
from ft_dcc.publish import models, progress
from ft_dcc.publish.jobs.job import Job
from ft_dcc.publish.pipeline.pyblish_adapter import Context, Instance
from ft_dcc.session import Session

T = TypeVar("T")


class SlotEmpty(errors.PluginBroken):
    """The slot has no value: its writer failed, or runs later."""


@attrs.frozen
class Slot(Generic[T]):
    """One value on the context or on an instance; ``key`` is its key in pyblish's ``data`` and in the journal."""

    key: str
    kind: Any
    writer: str

    def get(self, owner: Context | Instance) -> T:
        """Return the value; raise SlotEmpty, which names the writer, if there is none."""
        value = self.find(owner)
        if value is None:
            raise SlotEmpty(
                f"The slot {self.key} is empty until {self.writer} has run. Give your plugin a later order."
            )
        return value

    def find(self, owner: Context | Instance) -> T | None:
        """Return the value, or None if there is none."""
        value: T | None = owner.data.get(self.key)
        return value

    def set(self, owner: Context | Instance, value: T) -> None:
        """Set the value, which is written to the journal with the plugin's result; raise PluginBroken."""
        if not isinstance(value, self.kind):
            raise errors.PluginBroken(f"The slot {self.key} takes {self.kind.__name__}, not {type(value).__name__}.")
        owner.data[self.key] = value


# On the context, set before the first plugin.
REQUEST: Slot[models.PublishRequest] = Slot("ft_dcc.request", models.PublishRequest, "publish")
SESSION: Slot[Session] = Slot("ft_dcc.session", object, "publish")
HOST: Slot[host.Host] = Slot("ft_dcc.host", object, "publish")
JOB: Slot[Job] = Slot("ft_dcc.job", object, "publish")
OFFLINE_CAPTURE: Slot[models.OfflineCapture] = Slot("ft_dcc.captured", models.OfflineCapture, "publish")
PROGRESS: Slot[progress.ProgressReporter] = Slot("ft_dcc.pulse", progress.ProgressReporter, "publish")

# On the context, set by collectors and validators.
SCENE: Slot[host.Scene] = Slot("ft_dcc.scene", host.Scene, "CollectScene")
TASK: Slot[models.Task] = Slot("ft_dcc.task", models.Task, "CollectTask")
LOOK: Slot[dict[str, Any]] = Slot("ft_dcc.look", dict, "CollectLook")
SHOT: Slot[models.Shot] = Slot("ft_dcc.shot", models.Shot, "CollectShot")
REVIEWS: Slot[list[models.Review]] = Slot("ft_dcc.reviews", list, "CollectReviews")
LISTS: Slot[list[models.VersionList]] = Slot("ft_dcc.lists", list, "CollectLists")
OPTIONS: Slot[models.ResolvedOptions] = Slot("ft_dcc.details", models.ResolvedOptions, "CollectOptions")
# The checks that were off, gave warnings only, or were replaced, and the settings that plugins declare.
CHECKS: Slot[dict[str, str]] = Slot("ft_dcc.checks", dict, "publish")
STUDIO: Slot[Mapping[str, Any]] = Slot("ft_dcc.studio", dict, "publish")
ENCODER: Slot[str] = Slot("ft_dcc.encoder", str, "ValidateEncoder")
SCENE_IS_CURRENT: Slot[bool] = Slot("ft_dcc.scene_is_current", bool, "ValidatePaths")

# On each instance, set by collectors.
NUMBER: Slot[int] = Slot("ft_dcc.number", int, "CollectSources")
SOURCE: Slot[models.Source] = Slot("ft_dcc.source", models.Source, "CollectSources")
VERSION_ID: Slot[str] = Slot("ft_dcc.version_id", str, "CollectSources")
MOVIE_INFO: Slot[MovieInfo] = Slot("ft_dcc.facts", MovieInfo, "CollectMovie")
CLIP: Slot[models.Clip] = Slot("ft_dcc.clip", models.Clip, "CollectCamera, CollectFrames, CollectMovie or CollectImage")
ASSET: Slot[models.Asset] = Slot("ft_dcc.asset", models.Asset, "CollectAsset")

# On each instance, set by a validator: sentences, without the full stop, about what the movie shows differently. They
# stop nothing, and are part of the result.
WARNINGS: Slot[list[str]] = Slot("ft_dcc.warnings", list, "a validator of the host")

# On each instance, set by extractors. VERSION is set if it is burnt in, part of a path, or that of the scene;
# LENS if it is burnt in. A movie or an image has no FRAMES. ORIGIN is what frames of a scene come from.
# LIVE_ENCODE encodes frames that are still being captured.
VERSION: Slot[int] = Slot("ft_dcc.version", int, "NumberVersion")
LENS: Slot[dict[str, str]] = Slot("ft_dcc.lens", dict, "CaptureFrames")
ORIGIN: Slot[dict[str, Any]] = Slot("ft_dcc.origin", dict, "CaptureFrames or AttachScene")
FRAMES: Slot[frames.Frames] = Slot("ft_dcc.frames", frames.Frames, "CollectFrames or CaptureFrames")
LIVE_ENCODE: Slot[LiveEncode] = Slot("ft_dcc.live_encode", LiveEncode, "CaptureFrames")
MOVIE: Slot[EncodedFile] = Slot("ft_dcc.film", EncodedFile, "EncodeFrames, TranscodeMovie or MakeStill")
THUMBNAIL: Slot[EncodedFile] = Slot("ft_dcc.thumbnail", EncodedFile, "MakeThumbnail")
OUTPUTS: Slot[list[EncodedFile]] = Slot("ft_dcc.outputs", list, "MakeOutputs")
EXTRAS: Slot[list[models.ExtraComponent]] = Slot("ft_dcc.extras", list, "add_component")

# On each instance, where its files are on disk, or will be, and the files that are there.
TARGETS: Slot[list[models.Target]] = Slot("ft_dcc.targets", list, "ValidatePaths, NumberVersion")
STORED: Slot[list[models.StoredFiles]] = Slot("ft_dcc.stored", list, "StoreFiles")

# On each instance, set by integrators. UPLOADS_REPEATED is true after the server had lost the uploads once in a run.
COMPONENTS: Slot[list[models.Component]] = Slot("ft_dcc.components", list, "UploadComponents")
UPLOADS_REPEATED: Slot[bool] = Slot("ft_dcc.uploads_repeated", bool, "RegisterVersion")
REGISTERED: Slot[models.PublishedVersion] = Slot("ft_dcc.registered", models.PublishedVersion, "RegisterVersion")
LINK: Slot[str] = Slot("ft_dcc.link", str, "FindLink")
