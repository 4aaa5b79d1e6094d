"""The panel of the add-on: its properties, operators, menus and preferences, and the sign-in.

Knows nothing of the way in which a scene is captured.
"""
