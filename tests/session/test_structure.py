from __future__ import annotations

import pytest

from ft_dcc.errors import StructureError
from ft_dcc.session.structure.entity_id import EntityIdStructure
from ft_dcc.session.structure.id import IdStructure
from ft_dcc.session.structure.origin import OriginStructure
from ft_dcc.session.structure.standard import StandardStructure

ID = "abcd5678-0000-4000-8000-000000000001"


@pytest.fixture
def version(session, project_shot):
    asset_type = session.query("AssetType").first()
    asset = session.create("Asset", {"name": "Light Rig", "parent": project_shot, "type": asset_type})
    version = session.create("AssetVersion", {"asset": asset})
    session.commit()
    return version


@pytest.fixture
def film(session, version):
    return session.create("FileComponent", {"name": "Käse Film", "file_type": ".mov", "version": version})


def sequence(session, **data):
    made = session.create("SequenceComponent", {"name": "beauty", "padding": 4, "file_type": ".exr", **data})
    member = session.create("FileComponent", {"name": "0012", "file_type": ".exr", "container": made})
    return made, member


def container(session, **data):
    made = session.create("ContainerComponent", {"name": "Extra Files", **data})
    member = session.create("FileComponent", {"name": "notes", "file_type": ".pdf", "container": made})
    return made, member


def test_a_component_lies_under_its_id(session):
    component = session.create("FileComponent", {"id": ID})
    assert EntityIdStructure().get_resource_identifier(component) == ID


def test_a_component_stays_where_it_was(session):
    component = session.create("FileComponent", {"name": "film"})
    context = {"source_resource_identifier": "/shots/film.mov"}
    assert OriginStructure().get_resource_identifier(component, context) == "/shots/film.mov"
    with pytest.raises(ValueError, match="source_resource_identifier"):
        OriginStructure().get_resource_identifier(component)


def test_ids_are_spread_over_folders(session):
    film = session.create("FileComponent", {"id": ID, "file_type": ".mov"})
    assert IdStructure("media").get_resource_identifier(film) == ("media/a/b/c/d/5678-0000-4000-8000-000000000001.mov")
    assert IdStructure().get_resource_identifier(film) == "a/b/c/d/5678-0000-4000-8000-000000000001.mov"


def test_the_members_of_a_sequence_lie_side_by_side_below_its_id(session):
    made, member = sequence(session, id=ID)
    folder = "a/b/c/d/5678-0000-4000-8000-000000000001"
    assert IdStructure().get_resource_identifier(made) == f"{folder}/file.%04d.exr"
    assert IdStructure().get_resource_identifier(member) == f"{folder}/file.0012.exr"


def test_the_members_of_a_container_lie_below_its_id(session):
    made, member = container(session, id=ID)
    folder = "a/b/c/d/5678-0000-4000-8000-000000000001"
    assert IdStructure().get_resource_identifier(made) == folder
    assert IdStructure().get_resource_identifier(member) == f"{folder}/{member['id']}.pdf"


def test_folders_that_people_read_follow_the_project(film, project):
    place = StandardStructure().get_resource_identifier(film)
    assert place == f"{project['name']}/sq010/sh010/light_rig/v001/kase_film.mov"


def test_a_sequence_is_numbered_as_its_padding_says(session, version, project):
    made, member = sequence(session, version=version)
    folder = f"{project['name']}/sq010/sh010/light_rig/v001"
    assert StandardStructure().get_resource_identifier(made) == f"{folder}/beauty.%04d.exr"
    assert StandardStructure().get_resource_identifier(member) == f"{folder}/beauty.0012.exr"


def test_a_container_is_a_folder(session, version, project):
    made, member = container(session, version=version)
    folder = f"{project['name']}/sq010/sh010/light_rig/v001/extra_files"
    assert StandardStructure().get_resource_identifier(made) == folder
    assert StandardStructure().get_resource_identifier(member) == f"{folder}/notes.pdf"


def test_versions_right_below_a_project_may_have_a_folder_of_their_own(session, project):
    asset = session.create("Asset", {"name": "trailer", "parent": project, "type": session.query("AssetType").first()})
    version = session.create("AssetVersion", {"asset": asset})
    session.commit()
    film = session.create("FileComponent", {"name": "main", "file_type": ".mov", "version": version})
    assert StandardStructure("_versions").get_resource_identifier(film) == (
        f"{project['name']}/_versions/trailer/v001/main.mov"
    )
    assert StandardStructure().get_resource_identifier(film) == f"{project['name']}/trailer/v001/main.mov"


def test_names_are_left_alone_when_nothing_is_to_replace_their_signs():
    assert StandardStructure(illegal_character_substitute=None).sanitise_for_filesystem("A b") == "A b"
    assert StandardStructure().sanitise_for_filesystem("A b/c") == "a_b_c"


def test_a_component_without_a_version_has_no_place(session):
    with pytest.raises(StructureError, match="belongs to no version"):
        StandardStructure().get_resource_identifier(session.create("FileComponent", {"name": "film"}))


def test_a_version_that_is_not_committed_has_no_place(session, project_shot):
    asset = session.create("Asset", {"name": "a", "parent": project_shot})
    version = session.create("AssetVersion", {"asset": asset})
    film = session.create("FileComponent", {"name": "film", "version": version})
    with pytest.raises(StructureError, match="Commit it first"):
        StandardStructure().get_resource_identifier(film)


@pytest.mark.parametrize("structure", [IdStructure(), StandardStructure()])
def test_only_components_have_a_place(session, project, structure):
    with pytest.raises(StructureError, match="only components"):
        structure.get_resource_identifier(project)


def test_a_studios_own_structure_replaces_a_part_of_the_standard_one(film, version):
    class Flat(StandardStructure):
        def _get_parts(self, entity):
            return ["shots", self._format_version(entity["version"]["version"])]

        def _format_version(self, number):
            return f"take{number}"

    assert Flat().get_resource_identifier(film) == "shots/take1/kase_film.mov"
    beauty, member = sequence(film.session, version=version)
    assert Flat()._get_sequence_expression(beauty) == "%04d"
    assert Flat().get_resource_identifier(member) == "shots/take1/beauty.0012.exr"
