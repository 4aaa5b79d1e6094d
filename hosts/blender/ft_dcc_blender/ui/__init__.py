"""The panel of the add-on, its operators, menus and preferences; it knows nothing of how a scene is captured."""
