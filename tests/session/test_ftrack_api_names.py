"""A script for ``ftrack_api`` finds its names here."""

import importlib
import inspect
import json
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from doubles.command_line import account_variables
from doubles.programs import run_process

import ft_dcc
from ft_dcc.cli.main import run
from ft_dcc.errors import AccessorResourceNotFoundError, Error, ServerError, StorageError
from ft_dcc.session.compat import ftrack_api
from ft_dcc.session.locations.location import Location

# What the official client defines and we do not offer, and where our names take other parameters or have other members:
# docs/decisions/0014-scripts-of-the-official-client-run-unchanged.md says why.
MISSING = {
    *("accessor.disk.error_handler", "accessor.server.ServerFile", "attribute.merge_references"),
    *("collection.PerSessionDefaultKeyMaker", "entity.base.DynamicEntityTypeMetaclass", "entity.factory.Factory"),
    *("entity.factory.PerSessionDefaultKeyMaker", "event.expression.Parser", "event.expression.alphanums"),
    *("event.hub.ServerDetails", "event.hub.SocketIoSession", "event.subscription.Subscription"),
    *("exception.InvalidStateError", "exception.InvalidStateTransitionError", "logging.LazyLogMessage"),
    *("logging.deprecation_warning", "plugin.load_source", "session.AutoPopulatingContext"),
    *("session.OperationPayload", "session.OperationRecordingContext"),
}
OTHER_MEMBERS = {
    *("get_entity_storage", "merge", "LIMIT_EXPRESSION", "OFFSET_EXPRESSION", "create_collection_attribute"),
    *("create_mapped_collection_attribute", "create_reference_attribute", "create_scalar_attribute"),
}
OTHER_PARAMETERS = {
    # Nobody but the session makes entities, and the attributes and collections of entity types.
    *("session", "data", "reconstructing", "creator", "key_attribute", "value_attribute", "default_value", "computed"),
    # What went wrong is told in a message and details.
    *("attribute", "collection", "components", "location", "item", "entity_type", "merged"),
    # A condition of ours says which field it is about; attributes are a dictionary.
    *("key", "name"),
}
NAMES = Path(__file__).resolve().parents[1] / "official" / "scripts" / "names.py"


def at(path):
    found = ft_dcc
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


def differences(path, theirs, session):
    """Yield the members and parameters of the official name that ours lacks."""
    ours = at(path)
    kind = Location if path.endswith("LocationMixin") else ours
    looked_at = session if path == "session.Session" else kind
    for name in theirs["members"]:
        if not hasattr(looked_at, name):
            yield f"{path}.{name}", name
    calls = {"": (ours, theirs["parameters"])}
    calls.update({f".{name}": (getattr(kind, name, None), wanted) for name, wanted in theirs["members"].items()})
    for name, (call, wanted) in calls.items():
        with suppress(TypeError, ValueError):
            yield from ((f"{path}{name}({each})", each) for each in lacking(inspect.signature(call), wanted or ()))


def lacking(signature, wanted):
    if any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values()):
        return []
    return [name for name in wanted if name not in signature.parameters]


def test_names_of_the_official_client_exist(official_python, session):
    process = run_process(official_python, NAMES, check=True)
    theirs = json.loads(process.stdout)
    assert len(theirs) == 149
    assert {path for path in theirs if at(path) is None} == MISSING
    found = [each for path in theirs.keys() - MISSING for each in differences(path, theirs[path], session)]
    assert [text for text, name in found if name not in OTHER_MEMBERS | OTHER_PARAMETERS] == []
    assert {name for _, name in found} == OTHER_MEMBERS | OTHER_PARAMETERS


def test_names_are_the_same_classes():
    assert ft_dcc.event.base.Event is importlib.import_module("ft_dcc.session.events.event").Event
    assert ft_dcc.exceptions.ApiError is ft_dcc.exception.ApiError is ft_dcc.errors.ApiError
    assert issubclass(ft_dcc.exception.ServerError, ft_dcc.exceptions.ApiError)
    assert ft_dcc.session.Session is ft_dcc.Session
    assert importlib.import_module("ft_dcc.cache") is importlib.import_module("ft_dcc.session.cache")
    assert ft_dcc.cache.__spec__.name == ft_dcc.cache.__name__ == "ft_dcc.session.cache"


def test_unknown_name_refers_to_the_docs():
    with pytest.raises(AttributeError, match=r"ft_dcc\.entity has no 'spaceship'\. See docs/td/session\.md"):
        _ = ft_dcc.entity.spaceship
    with pytest.raises(AttributeError, match="has no attribute 'spaceship'"):
        _ = ft_dcc.spaceship
    assert dir(ft_dcc.structure) == ["base", "entity_id", "id", "origin", "standard"]


def test_name_imports_only_its_module():
    heavy = {"requests", "pyblish", "sqlalchemy", "starlette", "lark", "click", "bpy", "websocket"}
    script = (
        f"import sys, ft_dcc.frames, ft_dcc.host; ft_dcc.symbol, ft_dcc.exceptions; print({heavy} & {{*sys.modules}})"
    )
    process = run_process(sys.executable, "-c", script, check=True)
    assert process.stdout == "set()\n"


def test_formatter_prints_an_entity(session, project_shot):
    text = ft_dcc.formatter.format(
        project_shot, {"label": str.upper}, attribute_filter=lambda _entity, name, _value: name in ("name", "parent")
    )
    assert text.splitlines()[:2] == ["Shot", " NAME: sh010"]
    assert text.splitlines()[2].startswith(" PARENT: <Sequence")
    with session.auto_populating(False):
        whole = ft_dcc.formatter.format(project_shot, recursive=True, indent=2)
    assert whole.startswith("  Shot\n")
    assert "   parent: Sequence" in whole


def test_attributes_of_a_type_are_inspected(session):
    attributes = session.types["Task"].attributes
    found = {attribute.name: attribute for attribute in attributes}
    assert list(found) == list(attributes.keys())
    assert attributes.get("bid").data_type == "float"
    assert attributes.get("start_date").data_type == "datetime"
    assert attributes.get("name").data_type == "string"
    assert attributes.get("status").entity_type == "Status"
    assert attributes.get("notes").collection_class is ft_dcc.collection.Collection
    assert isinstance(attributes.get("metadata"), ft_dcc.attribute.KeyValueMappedCollectionAttribute)
    assert (attributes.get("id").mutable, attributes.get("name").mutable) == (False, True)
    assert attributes.get("time_logged").computed
    assert attributes.get("spaceship") is None
    assert attributes.get("name") in attributes
    assert len(attributes) == len(found)


def test_attributes_can_be_added_and_removed():
    attributes = ft_dcc.attribute.Attributes([ft_dcc.attribute.ScalarAttribute("name", data_type="string")])
    with pytest.raises(ft_dcc.exception.NotUniqueError, match="attribute 'name' already"):
        attributes.add(ft_dcc.attribute.Attribute("name"))
    attributes.remove(attributes.get("name"))
    assert list(attributes) == []


def test_attribute_returns_local_and_remote_values(session, project_task):
    name = project_task.attributes.get("name")
    assert (name.is_set(project_task), name.is_modified(project_task)) == (True, False)
    assert name.get_local_value(project_task) is ft_dcc.symbol.NOT_SET
    name.set_local_value(project_task, "blocking")
    assert (name.get_local_value(project_task), name.get_remote_value(project_task)) == ("blocking", "animation")
    assert name.is_modified(project_task)
    assert name.get_value(project_task) == "blocking"
    session.rollback()
    name.set_remote_value(project_task, "layout")
    assert project_task["name"] == "layout"
    name.populate_remote_value(project_task)
    assert project_task["name"] == "animation"


def test_studio_accessor_raises_documented_errors():
    class Bucket(ft_dcc.accessor.base.Accessor):
        def open(self, resource_identifier, mode="rb"):
            raise ft_dcc.exception.AccessorResourceNotFoundError(
                resource_identifier=resource_identifier, message="There is nothing"
            )

        list = exists = is_file = is_container = is_sequence = remove = make_container = get_container = open

    with pytest.raises(AccessorResourceNotFoundError, match=r"^There is nothing: film\.mov$") as caught:
        Bucket().open("film.mov")
    assert caught.value.details == {"resource_identifier": "film.mov"}
    with pytest.raises(ft_dcc.exception.AccessorUnsupportedOperationError, match="has no address"):
        Bucket().get_url("film.mov")
    with pytest.raises(ft_dcc.exception.AccessorError):
        Bucket().remove_container("film.mov")


def test_studio_error_has_a_default_message():
    class TapeTorn(ft_dcc.exception.Error):
        default_message = "The tape {number} is torn {somewhere}."

    assert str(TapeTorn(details={"number": 7})) == "The tape 7 is torn {somewhere}."
    assert str(ServerError("There is no {error}.", {"error": 7})) == "There is no {error}."
    assert str(Error("It burns.")) == "It burns."


def test_plugin_extends_an_entity_type(open_session, tmp_path, project_shot):
    (tmp_path / "studio.py").write_text(
        """
import ft_dcc as ftrack_api

class Shouting:
    def shout(self):
        return self["name"].upper()

class Factory(ftrack_api.entity.factory.StandardFactory):
    def create(self, schema, bases=None):
        return super().create(schema, bases=[Shouting, ftrack_api.entity.base.Entity])

def register(session):
    factory = Factory()
    session.event_hub.subscribe(
        "topic=ftrack.api.session.construct-entity-type and data.schema.id=Shot",
        lambda event: factory.create(event["data"]["schema"]),
    )
""",
        encoding="utf-8",
    )
    shot = open_session(plugin_paths=[str(tmp_path)]).get("Shot", project_shot["id"])
    assert shot.shout() == "SH010"
    assert shot.create_note.__name__ == "create_note"


@pytest.mark.parametrize("name", ["nothing", "event.nothing", "event.base.Event", "cache.x"])
def test_unknown_module_cannot_be_imported(name):
    with pytest.raises(ModuleNotFoundError, match=f"No module named 'ft_dcc.{name}'"):
        importlib.import_module(f"ft_dcc.{name}")


def test_unknown_name_cannot_be_imported():
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        exec("from ft_dcc.event.base import Nothing", {})  # noqa: S102 - the import itself is what is tested


PLUGIN = """\
import ftrack_api
import ftrack_api.accessor.disk
import ftrack_api.structure.standard as standard
from ftrack_api.entity.location import UnmanagedLocationMixin


def configure_locations(event):
    location = event["data"]["session"].ensure("Location", {"name": "plugin.disk"})
    ftrack_api.mixin(location, UnmanagedLocationMixin)
    location.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix="")
    location.structure = standard.StandardStructure()
    location.priority = 5


def register(session, **kw):
    if isinstance(session, ftrack_api.session.Session):
        session.event_hub.subscribe("topic=ftrack.api.session.configure-location", configure_locations)
"""
SCRIPT = """\
import json
import sys

import ftrack_api
import ftrack_api.session
from ftrack_api.event.base import Event

with ftrack_api.Session(plugin_paths=[sys.argv[1]]) as session:
    location = session.query("Location where name is plugin.disk").one()
    try:
        session.query("Tusk")
    except ftrack_api.exception.UnrecognisedEntityTypeError as error:
        refused = type(error).__name__
    print(json.dumps({
        "module": ftrack_api.__name__,
        "once": sys.modules["ftrack_api.session"] is sys.modules["ft_dcc.session"],
        "event": Event("studio.test")["topic"],
        "location": [type(location.accessor).__name__, type(location.structure).__name__, location.priority],
        "refused": refused,
    }))
"""


def run_python(folder: Path, *arguments: str, **environment: str) -> str:
    path = os.pathsep.join((str(folder), environment.pop("PYTHONPATH", "")))
    done = run_process(sys.executable, *arguments, env={**os.environ, **environment, "PYTHONPATH": path})
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_script_and_plugin_that_import_ftrack_api_run_unchanged(studio_server, tmp_path):
    ftrack_api.install(tmp_path / "compat")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "locations.py").write_text(PLUGIN, encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    server = account_variables(studio_server)
    printed = run_python(tmp_path / "compat", str(script), str(tmp_path / "plugins"), **server)
    assert json.loads(printed) == {
        "module": "ft_dcc",
        "once": True,
        "event": "studio.test",
        "location": ["DiskAccessor", "StandardStructure", 5],
        "refused": "UnrecognisedEntityTypeError",
    }


def test_installed_official_client_comes_first_wherever_the_folder_is_on_the_path(tmp_path):
    for name in ("one", "two"):
        ftrack_api.install(tmp_path / name)
    official = tmp_path / "site" / "ftrack_api"
    official.mkdir(parents=True)
    (official / "__init__.py").write_text("from ftrack_api.session import Session\n", encoding="utf-8")
    (official / "session.py").write_text("class Session: pass\n", encoding="utf-8")
    path = os.pathsep.join((str(tmp_path / "two"), str(tmp_path / "site")))
    show = "import ftrack_api.session; print(ftrack_api.session.__file__, ftrack_api.Session.__module__)"
    printed = run_python(tmp_path / "one", "-c", show, PYTHONPATH=path).split()
    assert printed == [str(official / "session.py"), "ftrack_api.session"]
    provide = "from ft_dcc.session.compat.ftrack_api import provide; print(provide())"
    assert run_python(tmp_path / "site", "-c", provide).strip() == "False"


def test_one_process_can_provide_the_name_without_a_folder(tmp_path):
    show = (
        "from ft_dcc.session.compat.ftrack_api import provide; print(provide(), provide()); "
        "import ftrack_api, ft_dcc; from ftrack_api.structure.id import IdStructure; "
        "print(ftrack_api is ft_dcc, IdStructure.__module__)"
    )
    assert run_python(tmp_path, "-c", show).split() == ["True", "True", "True", "ft_dcc.session.locations.structure"]


def test_command_writes_and_removes_the_package(tmp_path, capsys):
    for arguments, text in (("install", "PYTHONPATH"), ("install", "PYTHONPATH"), ("uninstall", "removed")):
        assert run(["compat", arguments, "--to", str(tmp_path)]) == 0
        assert text in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert not ftrack_api.uninstall(tmp_path)


@pytest.mark.parametrize("change", [ftrack_api.install, ftrack_api.uninstall])
def test_package_of_another_origin_is_left_alone(tmp_path, change):
    other = tmp_path / "ftrack_api" / "__init__.py"
    other.parent.mkdir()
    other.write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(StorageError, match="not a package of ft-dcc"):
        change(tmp_path)
    assert other.read_text(encoding="utf-8") == "x = 1\n"
