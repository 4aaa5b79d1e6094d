"""The review page for guests: links and invitations, the content of sessions, notes, drawings and statuses.

It also has the small pages of ``get_widget_url``. Nothing of the server but ``app`` and ``bootstrap`` imports it.
"""
