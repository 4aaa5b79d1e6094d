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
def film(tmp_path):
    (tmp_path / "film.mov").write_bytes(b"film")
    return str(tmp_path / "film.mov")


def test_an_unmanaged_location_notes_where_a_file_is(session, open_session, location, film):
    kind = ftrack_api.entity.location.UnmanagedLocationMixin
    ftrack_api.mixin(location, kind, name="UnmanagedLocation")
    assert type(location).__name__ == "UnmanagedLocation"
    assert isinstance(location, kind)
    component = session.create_component(film, {"name": "main"}, location=location)
    assert location.get_filesystem_path(component) == film
    other = open_session()
    (row,) = other.query(f"ComponentLocation where component_id is {component['id']}")
    assert row["resource_identifier"] == film
    location.remove_component(component)
    with open(film, "rb") as file:  # noqa: PTH123 - as a script would
        assert file.read() == b"film"
    assert location.get_component_availability(component) == 0.0


def test_a_location_in_memory_is_the_session_s_own_affair(session, open_session, location, film):
    ftrack_api.mixin(location, ftrack_api.entity.location.OriginLocationMixin)
    component = session.create_component(film, {"name": "main"}, location=None)
    session.commit()
    location.add_component(component, film, recursive=False)
    assert location.get_resource_identifier(component) == film
    assert not open_session().query(f"ComponentLocation where location_id is {location['id']}")
    location.remove_component(component)
    with pytest.raises(ComponentNotInLocationError):
        location.get_resource_identifier(component)


def test_any_class_can_be_mixed_into_a_location_and_once_is_enough(location):
    class Shouting:
        def get_url(self, component):
            return super().get_url(component).upper()

    ftrack_api.mixin(location, Shouting)
    kind = type(location)
    ftrack_api.mixin(location, Shouting)
    assert type(location) is kind
    assert kind.__name__ == "LocationShouting"
    assert kind.__mro__[1] is Shouting


def test_what_cannot_be_mixed_in_says_what_it_lacks(project_task):
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
