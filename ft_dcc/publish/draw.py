"""What is written into a version's pictures, and the number that only the server gives out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ft_dcc.frames import aspect_ratio
from ft_dcc.host import Host, KnowsLenses
from ft_dcc.media import Burnin
from ft_dcc.publish.engine import EXTRACTOR, REVIEW, Instance, InstancePlugin
from ft_dcc.publish.records import Clip, Source
from ft_dcc.publish.slots import ASSET, DETAILS, LENS, REGISTERED, REQUEST, SESSION, SOURCE, TASK, VERSION
from ft_dcc.session.expression import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session


class FindNumber(InstancePlugin):
    """The number that the version will have is known, where it is written into the pictures."""

    order = EXTRACTOR
    label = "Number"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """VERSION holds it; RegisterVersion has the pictures made anew if somebody else takes it in the meantime."""
        if REQUEST.get(instance.context).draws("version"):
            VERSION.set(instance, next_number(instance))


def next_number(instance: Instance) -> int:
    """Return the number of the next version of the instance's asset, behind those that this publish makes before it."""
    session, asset_id = SESSION.get(instance.context), ASSET.get(instance).id
    earlier = [other for other in instance.context if ASSET.find(other) == ASSET.get(instance)]
    waiting = [other for other in earlier[: earlier.index(instance)] if REGISTERED.find(other) is None]
    return newest_number(session, asset_id) + len(waiting) + 1


def newest_number(session: Session, asset_id: str) -> int:
    """Return the number of the asset's newest version, 0 when it has none."""
    expression = f"select version from AssetVersion where asset_id is {quoted(asset_id)} order by version desc"
    found = session.query(expression).first()
    return 0 if found is None else int(found["version"])


def read_lenses(host: Host, source: Source, clip: Clip) -> dict[str, str]:
    """Return the camera's focal length at each frame, as it is written into the picture, where the host knows it."""
    if not isinstance(host, KnowsLenses):
        return {}
    lengths = host.run_in_main_thread(lambda: host.focal_lengths(source.text, clip.frame_range))
    return {str(frame): f"{length:.4g} mm" for frame, length in lengths.items()}


def burnin_of(instance: Instance) -> Burnin:
    """Return what is written into the pictures of the instance: the templates asked for, and what is known."""
    context, number = instance.context, VERSION.find(instance)
    request, task = REQUEST.get(context), TASK.get(context)
    lens = {int(frame): text for frame, text in (LENS.find(instance) or {}).items()}
    return Burnin(
        corners=dict(request.burnin or {}),
        fields={
            "project": task.names[0],
            "shot": task.shot_name,
            "task": task.name,
            "asset": ASSET.get(instance).name,
            "version": "" if number is None else f"v{number:03d}",
            "source": SOURCE.get(instance).name,
            "artist": DETAILS.get(context).artist,
            "comment": request.comment,
            "lens": lens,
        },
        slate=request.slate or (),
        watermark=request.watermark or "",
        aspect=aspect_ratio(request.letterbox) if request.letterbox else None,
    )
