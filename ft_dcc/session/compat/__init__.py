"""Names of ftrack_api, exports of entities and type stubs; knows nothing of the session's class."""
