"""Packets and subscription expressions of ftrack's event hub; knows nothing of connections and sessions."""
