"""The texts that are burnt into a version's images, and the prediction of its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ft_dcc.frames import aspect_ratio
from ft_dcc.host import Host, SupportsFocalLengths
from ft_dcc.media import Burnin, SlateImages
from ft_dcc.publish import models, slots
from ft_dcc.publish.pipeline.pyblish_adapter import EXTRACTOR, REVIEW, Instance, InstancePlugin
from ft_dcc.session.query.expression import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session


class PredictVersionNumber(InstancePlugin):
    """Predict the version's number if it is burnt in."""

    order = EXTRACTOR
    label = "Version number"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Set VERSION; RegisterVersion repeats the encode if another publish takes the number in the meantime."""
        request = slots.REQUEST.get(instance.context)
        # The header of a contact sheet has the number, too.
        if request.draws_field("version") or "contact-sheet" in (request.outputs or ()):
            slots.VERSION.set(instance, next_number(instance))


def next_number(instance: Instance) -> int:
    """Return the number of the instance's version, after those that this publish makes of the same asset before it."""
    session, asset_id = slots.SESSION.get(instance.context), slots.ASSET.get(instance).id
    earlier = [other for other in instance.context if slots.ASSET.find(other) == slots.ASSET.get(instance)]
    waiting = [other for other in earlier[: earlier.index(instance)] if slots.REGISTERED.find(other) is None]
    return newest_number(session, asset_id) + len(waiting) + 1


def newest_number(session: Session, asset_id: str) -> int:
    """Return the number of the asset's newest version, 0 if it has none."""
    expression = f"select version from AssetVersion where asset_id is {quoted(asset_id)} order by version desc"
    found = session.query(expression).first()
    return 0 if found is None else int(found["version"])


def read_lenses(host: Host, source: models.Source, clip: models.Clip) -> dict[str, str]:
    """Return the text of the camera's focal length at each frame, {} if the host does not support it."""
    if not isinstance(host, SupportsFocalLengths):
        return {}
    lengths = host.run_in_main_thread(lambda: host.focal_lengths(source.text, clip.frame_range))
    return {str(frame): f"{length:.4g} mm" for frame, length in lengths.items()}


def burnin_of(instance: Instance) -> Burnin:
    """Return the burn-in of the instance: the request's templates and the values of their fields."""
    context, number = instance.context, slots.VERSION.find(instance)
    request, task = slots.REQUEST.get(context), slots.TASK.get(context)
    lens = {int(frame): text for frame, text in (slots.LENS.find(instance) or {}).items()}
    return Burnin(
        corners=dict(request.burnin or {}),
        fields={
            "project": task.names[0],
            "shot": task.shot_name,
            "task": task.name,
            "asset": slots.ASSET.get(instance).name,
            "version": "" if number is None else f"v{number:03d}",
            "source": slots.SOURCE.get(instance).name,
            "artist": slots.OPTIONS.get(context).artist,
            "comment": request.comment,
            "lens": lens,
        },
        slate=request.slate_lines,
        slate_images=request.slate_images or SlateImages(),
        watermark=request.watermark or "",
        aspect=aspect_ratio(request.letterbox) if request.letterbox else None,
    )
