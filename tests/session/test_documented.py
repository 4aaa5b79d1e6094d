"""A script for ``ftrack_api`` finds its names here."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

import ft_dcc

# What the official client defines and we do not have, because nothing of ours would be it.
MISSING = {
    "accessor.disk.error_handler",
    "accessor.server.ServerFile",
    "attribute.AbstractCollectionAttribute",
    "attribute.Attributes",
    "attribute.merge_references",
    "collection.PerSessionDefaultKeyMaker",
    "data.Data",
    "data.File",
    "data.FileWrapper",
    "data.String",
    "entity.base.DynamicEntityTypeMetaclass",
    "entity.factory.Factory",
    "entity.factory.PerSessionDefaultKeyMaker",
    "entity.factory.StandardFactory",
    "entity.location.MemoryLocationMixin",
    "entity.location.OriginLocationMixin",
    "entity.location.ServerLocationMixin",
    "entity.location.UnmanagedLocationMixin",
    "event.expression.Parser",
    "event.hub.ServerDetails",
    "event.hub.SocketIoSession",
    "event.subscription.Subscription",
    "exception.InvalidStateError",
    "exception.InvalidStateTransitionError",
    "logging.LazyLogMessage",
    "logging.deprecation_warning",
    "plugin.load_source",
    "session.AutoPopulatingContext",
    "session.OperationPayload",
    "session.OperationRecordingContext",
}
LIST = """
import importlib, inspect, json, pkgutil, ftrack_api
found = []
for info in pkgutil.walk_packages(ftrack_api.__path__, "ftrack_api."):
    if "._" in info.name:
        continue
    module = importlib.import_module(info.name)
    for name, value in vars(module).items():
        own = getattr(value, "__module__", None) == info.name or not hasattr(value, "__module__")
        if not name.startswith("_") and not inspect.ismodule(value) and own:
            found.append(f"{info.name[len('ftrack_api.'):]}.{name}")
print(json.dumps(found))
"""


def has(path):
    found = ft_dcc
    for name in path.split("."):
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


def test_what_the_official_client_defines_is_here(official_python):
    told = subprocess.run([str(official_python), "-c", LIST], capture_output=True, encoding="utf-8", check=True)
    theirs = set(json.loads(told.stdout)) - {"event.expression.alphanums"}
    assert len(theirs) > 120
    assert {path for path in theirs if not has(path)} == MISSING & theirs


def test_the_names_are_the_classes_themselves():
    assert ft_dcc.event.base.Event is importlib.import_module("ft_dcc.session.event").Event
    assert ft_dcc.exceptions.ApiError is ft_dcc.exception.ApiError is ft_dcc.errors.ApiError
    assert issubclass(ft_dcc.exception.ServerError, ft_dcc.exceptions.ApiError)
    assert ft_dcc.session.Session is ft_dcc.Session


def test_a_name_that_is_nowhere_says_where_to_look():
    with pytest.raises(AttributeError, match=r"ft_dcc\.entity has no 'spaceship'\. See docs/session\.md"):
        _ = ft_dcc.entity.spaceship
    with pytest.raises(AttributeError, match="has no attribute 'spaceship'"):
        _ = ft_dcc.spaceship
    assert dir(ft_dcc.structure) == ["base", "entity_id", "id", "origin", "standard"]


def test_a_name_loads_no_more_than_it_needs():
    script = "import sys, ft_dcc; ft_dcc.symbol, ft_dcc.exceptions; print('requests' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert told.stdout == "False\n"


def test_an_entity_can_be_shown_to_people(session, project_shot):
    text = ft_dcc.formatter.format(
        project_shot, {"label": str.upper}, attribute_filter=lambda _entity, name, _value: name in ("name", "parent")
    )
    assert text.splitlines()[:2] == ["Shot", " NAME: sh010"]
    assert text.splitlines()[2].startswith(" PARENT: <Sequence")
    with session.auto_populating(False):
        whole = ft_dcc.formatter.format(project_shot, recursive=True, indent=2)
    assert whole.startswith("  Shot\n")
    assert "   parent: Sequence" in whole
