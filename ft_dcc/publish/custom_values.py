"""The values of a version's custom attributes that the metadata of a publish gives."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from ft_dcc.errors import UserFixableError
from ft_dcc.session import Session
from ft_dcc.session.entities.entity import Entity
from ft_dcc.settings.publish_options import split_pairs

ENTITY_TYPE = "AssetVersionCustomAttributeValue"
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def version_configurations(session: Session, project_id: str) -> dict[str, Entity]:
    """Return the configurations of a version's custom attributes by key; those of the project replace the site's."""
    known = sorted(session.custom_attribute_configurations(), key=lambda each: each["project_id"] is not None)
    return {
        each["key"]: each
        for each in known
        if (each["is_hierarchical"] or each["entity_type"] == "assetversion")
        and each["project_id"] in (None, project_id)
    }


def resolve_metadata(
    texts: Iterable[str], configurations: Mapping[str, Entity]
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, Any], ...]]:
    """Return the pairs that are metadata, and the values of custom attributes by the ids of their configurations.

    Raises UserFixableError for a value that the type of its attribute does not have.
    """
    metadata, values = [], []
    for key, text in split_pairs(texts):
        if key in configurations:
            values.append((str(configurations[key]["id"]), _convert(configurations[key], text)))
        else:
            metadata.append((key, text))
    return tuple(metadata), tuple(values)


def _convert(configuration: Entity, text: str) -> Any:
    key, kind = configuration["key"], str(configuration["type"]["name"])
    if kind in ("text", "url"):
        return text
    if kind in ("enumerator", "dynamic enumerator"):
        return _choices(configuration, [part.strip() for part in text.split(",")])
    try:
        if kind == "number":
            number = float(text)
            if math.isfinite(number):
                return int(number) if number.is_integer() else number
        elif kind == "boolean" and text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        elif kind == "date":
            return {"__type__": "datetime", "value": datetime.datetime.fromisoformat(text).isoformat()}
    except ValueError:
        pass
    expected = {"number": "a number", "boolean": "true or false", "date": "a date such as 2026-12-24"}
    if kind in expected:
        raise UserFixableError(f"The custom attribute {key} is {expected[kind]}, not {text!r}. Correct --metadata.")
    raise UserFixableError(
        f"The custom attribute {key} has the type {kind}, which --metadata cannot write. Leave it out."
    )


def _choices(configuration: Entity, chosen: list[str]) -> list[str]:
    """Return the chosen values of an enumerator; raise UserFixableError for one that it does not have."""
    config = json.loads(configuration["config"] or "{}")
    data = config.get("data") or []
    options = json.loads(data) if isinstance(data, str) else data
    # A dynamic one has no list.
    known = [str(option["value"]) for option in options]
    unknown = [each for each in chosen if known and each not in known]
    if unknown or (len(chosen) > 1 and not config.get("multiSelect")):
        raise UserFixableError(
            f"The custom attribute {configuration['key']} cannot be {', '.join(unknown or chosen)!r}. "
            f"It has one of: {', '.join(known)}."
        )
    return chosen
