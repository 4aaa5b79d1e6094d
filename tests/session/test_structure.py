import pytest

from ft_dcc.errors import StructureError
from ft_dcc.session.locations.structure import EntityIdStructure, IdStructure, OriginStructure, StandardStructure

ID = "abcd5678-0000-4000-8000-000000000001"


@pytest.fixture
def version(session, project_shot):
    asset_type = session.query("AssetType").first()
    asset = session.create("Asset", {"name": "Light Rig", "parent": project_shot, "type": asset_type})
    version = session.create("AssetVersion", {"asset": asset})
    session.commit()
    return version


@pytest.fixture
def movie(session, version):
    return session.create("FileComponent", {"name": "Käse Film", "file_type": ".mov", "version": version})


def sequence(session, **data):
    made = session.create("SequenceComponent", {"name": "beauty", "padding": 4, "file_type": ".exr", **data})
    return made, session.create("FileComponent", {"name": "0012", "file_type": ".exr", "container": made})


def container(session, **data):
    made = session.create("ContainerComponent", {"name": "Extra Files", **data})
    return made, session.create("FileComponent", {"name": "notes", "file_type": ".pdf", "container": made})


def test_entity_id_structure_uses_the_id(session):
    component = session.create("FileComponent", {"id": ID})
    assert EntityIdStructure().get_resource_identifier(component) == ID


def test_origin_structure_uses_the_source_path(session):
    component = session.create("FileComponent", {"name": "film"})
    context = {"source_resource_identifier": "/shots/film.mov"}
    assert OriginStructure().get_resource_identifier(component, context) == "/shots/film.mov"
    with pytest.raises(ValueError, match="source_resource_identifier"):
        OriginStructure().get_resource_identifier(component)


def test_id_structure_spreads_ids_over_folders(session):
    movie = session.create("FileComponent", {"id": ID, "file_type": ".mov"})
    assert IdStructure("media").get_resource_identifier(movie) == ("media/a/b/c/d/5678-0000-4000-8000-000000000001.mov")
    assert IdStructure().get_resource_identifier(movie) == "a/b/c/d/5678-0000-4000-8000-000000000001.mov"


def test_id_structure_puts_members_below_the_id_of_their_container(session):
    folder, identifier = "a/b/c/d/5678-0000-4000-8000-000000000001", IdStructure().get_resource_identifier
    made, member = sequence(session, id=ID)
    assert (identifier(made), identifier(member)) == (f"{folder}/file.%04d.exr", f"{folder}/file.0012.exr")
    made, member = container(session, id=ID)
    assert (identifier(made), identifier(member)) == (folder, f"{folder}/{member['id']}.pdf")


def test_standard_structure_follows_the_project(session, version, movie, project):
    folder, identifier = f"{project['name']}/sq010/sh010/light_rig/v001", StandardStructure().get_resource_identifier
    assert identifier(movie) == f"{folder}/kase_film.mov"
    made, member = sequence(session, version=version)
    assert (identifier(made), identifier(member)) == (f"{folder}/beauty.%04d.exr", f"{folder}/beauty.0012.exr")
    made, member = container(session, version=version)
    assert (identifier(made), identifier(member)) == (f"{folder}/extra_files", f"{folder}/extra_files/notes.pdf")


def test_project_versions_prefix_is_used_below_a_project(session, project):
    asset = session.create("Asset", {"name": "trailer", "parent": project, "type": session.query("AssetType").first()})
    version = session.create("AssetVersion", {"asset": asset})
    session.commit()
    movie = session.create("FileComponent", {"name": "main", "file_type": ".mov", "version": version})
    path = f"{project['name']}/_versions/trailer/v001/main.mov"
    assert StandardStructure("_versions").get_resource_identifier(movie) == path
    assert StandardStructure().get_resource_identifier(movie) == f"{project['name']}/trailer/v001/main.mov"


def test_names_are_kept_without_a_substitute():
    assert StandardStructure(illegal_character_substitute=None).sanitise_for_filesystem("A b") == "A b"
    assert StandardStructure().sanitise_for_filesystem("A b/c") == "a_b_c"


def test_component_without_version_is_refused(session):
    with pytest.raises(StructureError, match="belongs to no version"):
        StandardStructure().get_resource_identifier(session.create("FileComponent", {"name": "film"}))


def test_uncommitted_version_is_refused(session, project_shot):
    asset = session.create("Asset", {"name": "a", "parent": project_shot})
    version = session.create("AssetVersion", {"asset": asset})
    movie = session.create("FileComponent", {"name": "film", "version": version})
    with pytest.raises(StructureError, match="Commit it first"):
        StandardStructure().get_resource_identifier(movie)


@pytest.mark.parametrize("structure", [IdStructure(), StandardStructure()])
def test_only_components_are_accepted(session, project, structure):
    with pytest.raises(StructureError, match="Pass a component"):
        structure.get_resource_identifier(project)


def test_studio_structure_overrides_a_part_of_the_standard(movie, version):
    class Flat(StandardStructure):
        def _get_parts(self, entity):
            return ["shots", self._format_version(entity["version"]["version"])]

        def _format_version(self, number):
            return f"take{number}"

    assert Flat().get_resource_identifier(movie) == "shots/take1/kase_film.mov"
    beauty, member = sequence(movie.session, version=version)
    assert Flat()._get_sequence_expression(beauty) == "%04d"
    assert Flat().get_resource_identifier(member) == "shots/take1/beauty.0012.exr"
