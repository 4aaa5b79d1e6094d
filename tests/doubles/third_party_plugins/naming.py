"""A module that the plugins of another studio share; it contains no plugin."""

PATTERN = r"^[a-z]+[0-9]*$"


def is_good(name):
    return __import__("re").match(PATTERN, name) is not None
