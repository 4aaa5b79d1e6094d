"""The official client's own test suite: with that client against a studio of its own, and with ours in its place.

It is not part of the package, and takes minutes: name a checkout of ftrackhq/ftrack-python in OFFICIAL_SUITE to run it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.programs import run_process

SUITE = os.environ.get("OFFICIAL_SUITE", "")
SCRIPTS = Path(__file__).parent / "scripts"
ROOT = Path(__file__).resolve().parents[2]
# Not the server: one wants the bytes of one picture library, the caches in files a dbm of the system, and the time-outs
# are races of a tenth of a millisecond.
NOT_THE_SERVER = ("test_get_thumbnail_url", r"\[(file|persisted)\]", "test_(read|write|remove)_timeout")
# The inside of the other client, which is not here: how it takes schemas from its cache, what its hub keeps in which
# queue, that everything goes through one method that a test replaces, mocks that are no entities.
INSIDE = (
    "schemas?_(from|to|bypassing)",
    "_schemas_(from|to|bypassing)",
    "test_(merge_iterations|plugin_arguments|entity_reference|get_entity_bypassing_cache|restricted_projections)$",
    "test_(ignore_in_create_entity_payload|operation_optimisation|paging|encode_operation_payload)",
    "test_rollback_entity_(creation|deletion)",
    "test_reconstruct_e",
    "test_collection_(initialisation_does_not|notify_on)",
    r"test_location\.py::test_(get_context|add_component|remove_component_missing|resource_identifier_transformer)",
    r"test_hub\.py::test_(connect|disconnect|fail_to_reconnect|unsubscribe|wait_interrupted|prepare|publish|encode|decode)",
    r"test_operation\.py::test_operations_",
)
# Decided otherwise: texts and representations, the bytes of a key, one object for each entity, each thread commits its
# own work, sequences on a disk are known, relations of a schema are written with "$ref".
DECIDED = (
    "test_string_representation",
    "test_(unsupported|discover_broken_plugin)",
    "test_object_key_maker_key_py3k",
    "test_decode_partial_entity",
    "test_operation_recoding_thread_dependent",
    r"test_disk\.py::test_is_sequence",
    "test_encode_entity_using_all_attributes_strategy",
    r"test_initialise_against_server_url\[missing",
    r"test_get_resource_identifier\[unsupported",
    r"test_server\.py::test_remove_data",
)
# Readers of expressions that have other names here, with other arguments.
LEFT_OUT = ("test/unit/event/test_expression.py", "test/unit/event/test_subscription.py")

pytestmark = [
    pytest.mark.skipif(not SUITE, reason="OFFICIAL_SUITE names no checkout of ftrackhq/ftrack-python"),
    pytest.mark.timeout(1800),
]


class Suite:
    """The suite, an environment to run it in, and a studio with what it expects to find."""

    def __init__(self, folder, server):
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("FTRACK_", "PYTHON"))},
            "FTRACK_SERVER": server.url,
            "FTRACK_API_USER": server.credentials.api_user,
            "FTRACK_API_KEY": server.credentials.api_key,
        }
        self._python = str(folder / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        self.install("ftrack-python-api==3.1.0", "pytest<8", "pytest-mock", "mock", "flaky", "termcolor")
        fill = [self._python, str(SCRIPTS / "suite_studio.py")]
        subprocess.run(fill, env=self._environment, check=True, capture_output=True)

    def install(self, *wanted: str) -> None:
        subprocess.run([self._python, "-m", "pip", "install", "--quiet", *wanted], check=True)

    def run(self, *options: str, **more: str) -> tuple[list[str], int, str]:
        """Return what failed, how many passed, and the end of what was printed."""
        command = [self._python, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", "-rfE", *options]
        environment = {**self._environment, **more}
        done = run_process(*command, env=environment, cwd=SUITE)
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
        passed = re.search(r"(\d+) passed", done.stdout)
        return failed, int(passed[1]) if passed else 0, done.stdout[-3000:]


@pytest.fixture
def suite(tmp_path, start_server):
    return Suite(tmp_path, start_server())


def but_for(failed: list[str], *known: str) -> list[str]:
    """Return what failed that is not known to."""
    return [name for name in failed if not any(re.search(each, name) for each in known)]


def test_official_suite_passes_with_the_official_client(suite: Suite) -> None:
    failed, passed, output = suite.run("test/unit")
    assert but_for(failed, *NOT_THE_SERVER) == [], output
    assert passed >= 525


def test_official_suite_passes_with_our_session(suite: Suite) -> None:
    suite.install("attrs", "clique", "platformdirs", "requests", "websocket-client>=1.6")
    left_out = [f"--ignore={path}" for path in LEFT_OUT]
    path = os.pathsep.join((str(ROOT), str(SCRIPTS)))
    failed, passed, output = suite.run("-p", "ftrack_alias", *left_out, "test/unit", PYTHONPATH=path)
    assert but_for(failed, *NOT_THE_SERVER, *INSIDE, *DECIDED) == [], output
    assert passed >= 400
