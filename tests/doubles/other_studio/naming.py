"""What the plugins of another studio have in common; it is no plugin, and lies beside them."""

PATTERN = r"^[a-z]+[0-9]*$"


def is_good(name):
    return __import__("re").match(PATTERN, name) is not None
