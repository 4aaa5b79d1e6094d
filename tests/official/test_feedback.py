"""Notes that the official client writes in ftrack's own way are read, and our answers are read by it."""

from uuid import uuid4

from ft_dcc.review import feedback


def test_notes_of_the_official_client_are_read_and_answered(official, session):
    written = official("feedback", "write", f"notes_{uuid4().hex[:8]}")
    (version,) = feedback.of_versions(session, [written["version"]])
    notes = {note.text: note for note in version.notes}
    note = notes["Lift the chin."]
    assert (note.frame, note.labels, note.is_open) == (1010, (written["label"],), True)
    assert [(reply.author, reply.text) for reply in note.replies] == [("admin", "By how much?")]
    assert (notes["In the session"].review, notes["In the session"].frame) == ("dailies", None)
    assert (notes["Done already"].is_done, notes["Done already"].done_by) == (True, "admin")
    feedback.write_reply(session, note.id, "By five degrees.")
    feedback.set_done(session, [note.id])
    answered = official("feedback", "read", note.id)
    assert answered == {"replies": ["By five degrees.", "By how much?"], "done": True, "by": "admin"}
