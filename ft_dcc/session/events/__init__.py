"""The event hub: its connection, subscribers and events; knows nothing of the session and its entities."""
