"""The variants of ftrack's web review on a site: published, shown to a person, and removed.

Only a person sees which of them the player of a site shows. Each variant is a value of the setting
``review_metadata``, and has movies of two sizes.
"""

from __future__ import annotations

import html
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import attrs

from ft_dcc.contract import checks, run
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.production import review_sessions, tasks
from ft_dcc.publish import models, publisher
from ft_dcc.review.stored_values import FTRACK_MOVIE_KEY, REVIEW_MOVIES
from ft_dcc.session import Session, operations
from ft_dcc.session.query.expression import quoted
from ft_dcc.settings.publish_options import REVIEW_METADATA

SIZE, FRAMES = Resolution(3840, 2160), FrameRange(1001, 1024)
_QUESTIONS = (
    "The movie plays.",
    f"Its first image has the burnt-in number {FRAMES.start}, and its last one {FRAMES.end}.",
    "The player shows the number that is burnt in.",
    "The image fills the player, and is not distorted.",
    "The player offers 2160 lines.",
)
# The studio needs the setting of the variant with the most ticks.
_SCRIPT = """
document.addEventListener("change", () => {
  const ticks = (row) => [...row.querySelectorAll("input")].map((box) => box.checked);
  const rows = [...document.querySelectorAll("tbody tr")];
  const counts = rows.map((row) => ticks(row).filter(Boolean).length);
  const best = rows[counts.indexOf(Math.max(...counts))];
  const result = Object.fromEntries(rows.map((row) => [row.dataset.variant, ticks(row)]));
  document.querySelector("output").textContent = `review_metadata = "${best.dataset.variant}"`;
  document.querySelector("textarea").value = JSON.stringify(result);
});
"""


@attrs.frozen
class Variant:
    """A published variant, its URL, and what the site has of its movies: a text for each."""

    name: str
    link: str
    movies: tuple[str, ...]


@contextmanager
def published_variants(
    session: Session, project: str, folder: Path, on_variant: Callable[[str], object], size: Resolution = SIZE
) -> Iterator[list[Variant]]:
    """Publish the variants to a new sequence, which is removed afterwards; raise SettingInvalid, and as ``publish``."""
    review_sessions.project_id(session, project)
    name = f"ft-dcc-acceptance-{uuid.uuid4().hex[:8]}"
    task = tasks.ensure_task(session, f"{project}/{name}/web-review/Review")
    sequence_id, request = task["link"][1]["id"], _request(task["id"], name, folder, size)
    try:
        variants = []
        for variant in REVIEW_METADATA:
            on_variant(f"{name}: {variant}")
            wanted = attrs.evolve(request, review_metadata=variant, asset=variant, comment=variant)
            version = publisher.publish(wanted, session, jobs=folder / "jobs").first
            variants.append(Variant(variant, version.link or "", tuple(_movies(session, version.version_id))))
        yield variants
    finally:
        reviews = session.query(f"select id from ReviewSession where name is {quoted(name)}").all()
        removed = [operations.delete("ReviewSession", each["id"]) for each in reviews]
        session.call([*removed, operations.delete("Sequence", sequence_id)])


def _request(task_id: str, review: str, folder: Path, size: Resolution) -> models.PublishRequest:
    for number in FRAMES:
        checks.write_image(folder / f"source.{number}.png", 20 + 8 * (number - FRAMES.start), size)
    return models.PublishRequest(
        task_id,
        str(folder / "source.%04d.png"),
        review=review,
        frame_range=FRAMES,
        fps=Fraction(24),
        burnin={"top left": "{comment}", "bottom right": "{frame}"},
        outputs=("1080", "2160"),
        slate=(),
        watermark="",
        letterbox="",
        source_files="none",
        movie_path="",
        latest_path="",
        version_from="server",
        encode_by="ft-dcc",
    )


def _movies(session: Session, version_id: str) -> Iterator[str]:
    """Yield what the site has of each movie of a version, in the order of the sizes."""
    select = "select name, size, metadata.key, metadata.value from FileComponent"
    found = session.query(f"{select} where version_id is {quoted(version_id)} order by name").all()
    for component in found:
        if component["name"] in REVIEW_MOVIES:
            values = json.loads(component["metadata"][FTRACK_MOVIE_KEY])
            texts = ", ".join(f"{key} {value}" for key, value in values.items())
            yield f"{component['name']}: {component['size']:.0f} bytes, {texts}"


def variants_page(server_url: str, variants: Sequence[Variant]) -> str:
    """Return the page on which a person ticks what the player of the site shows."""
    rows = "".join(
        f'<tr data-variant="{html.escape(each.name)}"><td><a href="{html.escape(each.link)}">{html.escape(each.name)}'
        f"</a><br>{'<br>'.join(map(html.escape, each.movies))}</td>"
        + "".join(f'<td><input type="checkbox" aria-label="{html.escape(text)}"></td>' for text in _QUESTIONS)
        + "</tr>"
        for each in variants
    )
    heads = "".join(f"<th>{html.escape(text)}</th>" for text in ("Variant", *_QUESTIONS))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Web review</title>'
        f"<style>{run.STYLE}</style></head><body><h1>Web review on {html.escape(server_url)}</h1>"
        "<p>Open each variant in the player of the site, and tick what is true there. Then end the command, "
        "which removes the variants again.</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        "<p>Setting with the most ticks: <output>none yet</output></p>"
        '<p><label>Result<br><textarea readonly rows="4" cols="80"></textarea></label></p>'
        f"<script>{_SCRIPT}</script></body></html>\n"
    )
