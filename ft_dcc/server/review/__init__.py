"""The review page for guests, and the pages of ``get_widget_url``; nothing of the server but ``app`` imports it."""
