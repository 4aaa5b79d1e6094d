"""Statements for ``start_server(change=...)``: the server has the types and attributes that a site has."""

# Extensions of the studio server, which no site has.
TYPES = ("ReviewSessionObjectAnnotation", "ReviewSessionObjectAnnotationComponent")
ATTRIBUTES = (("Note", "frame_number"), ("ReviewSession", "review_url"))


def without(*types):
    """Return the statements that hide the extensions, and these types, from clients."""
    return f"HIDDEN_TYPES, HIDDEN_ATTRIBUTES = {(*TYPES, *types)!r}, {ATTRIBUTES!r}\n{_CHANGE}"


_CHANGE = """
import attrs
from ft_dcc.server.schema import dsl_parser
from ft_dcc.server.schema.model import Schema

def public(entity_type):
    if entity_type.name in HIDDEN_TYPES:
        return attrs.evolve(entity_type, flags=entity_type.flags | {"private"})
    hidden = {
        name
        for name, found in entity_type.attributes.items()
        if found.target in HIDDEN_TYPES or (entity_type.name, name) in HIDDEN_ATTRIBUTES
    }
    attributes = {
        name: attrs.evolve(found, is_hidden=found.is_hidden or name in hidden)
        for name, found in entity_type.attributes.items()
    }
    return attrs.evolve(entity_type, attributes=attributes)

own = dsl_parser.read_schema()
dsl_parser.read_schema = lambda: Schema({found.name: public(found) for found in own})
"""
