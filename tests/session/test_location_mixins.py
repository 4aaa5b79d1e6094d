"""A studio makes its own locations of the kinds that the documents name."""

from __future__ import annotations

from uuid import uuid4

import pytest

import ft_dcc as ftrack_api
from ft_dcc.errors import ComponentNotInLocationError


@pytest.fixture
def location(session):
    location = session.create("Location", {"name": f"studio.{uuid4().hex}"})
    session.commit()
    location.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix="")
    location.structure = ftrack_api.structure.origin.OriginStructure()
    return location


@pytest.fixture
def movie(tmp_path):
    (tmp_path / "film.mov").write_bytes(b"film")
    return str(tmp_path / "film.mov")


def test_unmanaged_location_records_the_path_only(session, open_session, location, movie):
    kind = ftrack_api.entity.location.UnmanagedLocationMixin
    ftrack_api.mixin(location, kind, name="UnmanagedLocation")
    assert type(location).__name__ == "UnmanagedLocation"
    assert isinstance(location, kind)
    component = session.create_component(movie, {"name": "main"}, location=location)
    assert location.get_filesystem_path(component) == movie
    other = open_session()
    (row,) = other.query(f"ComponentLocation where component_id is {component['id']}")
    assert row["resource_identifier"] == movie
    location.remove_component(component)
    with open(movie, "rb") as file:  # noqa: PTH123 - as a script would
        assert file.read() == b"film"
    assert location.get_component_availability(component) == 0.0


def test_memory_location_is_local_to_the_session(session, open_session, location, movie):
    ftrack_api.mixin(location, ftrack_api.entity.location.OriginLocationMixin)
    component = session.create_component(movie, {"name": "main"}, location=None)
    session.commit()
    location.add_component(component, movie, recursive=False)
    assert location.get_resource_identifier(component) == movie
    assert not open_session().query(f"ComponentLocation where location_id is {location['id']}")
    location.remove_component(component)
    with pytest.raises(ComponentNotInLocationError):
        location.get_resource_identifier(component)


def test_any_class_is_mixed_in_once(location):
    class Shouting:
        def get_url(self, component):
            return super().get_url(component).upper()

    ftrack_api.mixin(location, Shouting)
    kind = type(location)
    ftrack_api.mixin(location, Shouting)
    assert type(location) is kind
    assert kind.__name__ == "LocationShouting"
    assert kind.__mro__[1] is Shouting


def test_incompatible_layout_is_refused_with_a_message(project_task):
    class Loose:
        pass

    class Tight:
        __slots__ = ()

        def shout(self):
            return self["name"].upper()

    with pytest.raises(TypeError, match=r"Loose cannot be mixed into a Task\. Give it __slots__ = \(\)"):
        ftrack_api.mixin(project_task, Loose)
    ftrack_api.mixin(project_task, Tight)
    assert project_task.shout() == "ANIMATION"
