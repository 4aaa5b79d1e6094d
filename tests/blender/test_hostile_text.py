"""Names and notes of a server in the panels of real Blender: no control character is in a label, a button or a list."""

from types import SimpleNamespace

import pytest
from doubles.hostile_names import INVISIBLE, NAME, NOTE, make_hostile_task
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import ValidationIssue


@pytest.fixture
def studio_server(start_server):
    return start_server().credentials


@pytest.fixture
def project_task(session):
    return make_hostile_task(session)


class Layout:
    """A layout that records texts, with the functions and parameters of Blender; it is its own rows and columns."""

    def __init__(self, bpy, shown):
        object.__setattr__(self, "shown", shown)
        object.__setattr__(self, "functions", bpy.types.UILayout.bl_rna.functions)

    def __setattr__(self, name, value):
        # Of the layout, such as ``enabled``, or a property of an operator.
        pass

    def __getattr__(self, name):
        known = set(self.functions[name].parameters.keys())

        def add(*arguments, **values):
            assert set(values) <= known, (name, values)
            self.shown += [str(values[each]) for each in ("text", "placeholder") if each in values]
            return self

        return add


def test_hostile_names_and_notes_are_plain_text_in_all_panels(signed_in, bpy, scene, host, project_task, monkeypatch):
    from ft_dcc_blender.ui import menus, operators, panel, properties, review_panels

    host.remember_task(project_task["id"])
    for ask in (bpy.ops.ft_dcc.refresh, bpy.ops.ft_dcc.refresh):
        ask()
        assert all(each.wait(TIMEOUT_SECONDS) for each in (signed_in, signed_in.feedback, signed_in.my_tasks))
    choices, shown = bpy.context.window_manager.ft_dcc, []
    (version,) = signed_in.feedback.versions
    for note in version.notes:
        bpy.ops.ft_dcc.open_note(note_id=note.id)
    monkeypatch.setattr(panel, "line_length", lambda: 40)
    monkeypatch.setattr(signed_in, "problems", tuple(ValidationIssue(NAME, NAME, NOTE) for _ in range(9)))
    monkeypatch.setattr(signed_in, "error", NOTE)
    layout = Layout(bpy, shown)
    kinds = (panel.ReviewPanel, review_panels.TasksPanel, review_panels.VersionsPanel, review_panels.NotesPanel)
    for kind in kinds:
        kind.draw(SimpleNamespace(layout=layout), bpy.context)
    reviews = properties._shown(signed_in.reviews_of(project_task["id"]))
    shown += [menus.fitting_text(menus.result_text()[0], 900), choices.task, *reviews]
    shown += [*properties._search_tasks(None, bpy.context, "long name"), *properties._shown(signed_in.statuses)]
    assert sum("File" in text for text in shown) > 10
    assert [text for text in shown if INVISIBLE.search(text) or "\n" in text] == []
    # The shown name of a review session is the session, not a new one.
    choices.review = reviews[0]
    assert operators.chosen_review(choices, scene) == NAME
