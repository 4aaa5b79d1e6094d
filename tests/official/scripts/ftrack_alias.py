"""A pytest plugin: whoever imports ``ftrack_api`` gets ``ft_dcc``, as if that one line were changed.

What the official client's tests reach through its inside is lent to them here, so that what they test is compared.
"""

import importlib
import importlib.abc
import importlib.machinery
import json
import sys

import ft_dcc.session.locations.server_accessor as server_accessor
from ft_dcc.session import Session
from ft_dcc.session.entity_types.schema import SchemaCache


class Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds below ``ftrack_api`` what has the same path below ``ft_dcc``."""

    def find_spec(self, name, path=None, target=None):
        """Return how to get the module of this name, which is never looked for on a disk."""
        if name.partition(".")[0] != "ftrack_api":
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        """Return what ``ft_dcc`` has at this path."""
        return importlib.import_module(spec.name.replace("ftrack_api", "ft_dcc", 1))

    def exec_module(self, module):
        """Everything is there already."""


def load_schemas(session, folder):
    """Return the schemas of the server."""
    return json.loads(session.post([{"action": "query_schemas"}]))[0]


def schemas(cache, schema_hash, ask):
    """Return what the types come from; a test may have put its own schemas in the place of the server's."""
    session = ask.__closure__[0].cell_contents
    return lambda: session._load_schemas(None)


if "ftrack_api" in sys.modules:
    raise SystemExit("The official client was imported first.")
sys.meta_path.insert(0, Alias())
Session._request = property(lambda session: session.transport.http)
Session._server_information = property(lambda session: session.server_information)
Session._load_schemas = load_schemas
Session._create = Session.create
SchemaCache.schemas = schemas
server_accessor._ServerAccessor = server_accessor.ServerAccessor
