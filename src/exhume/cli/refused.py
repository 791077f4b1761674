"""How a command says that it cannot be done."""


class Refused(Exception):  # noqa: N818 (it is what the user is told, in one line)
    """It could not be done, and why in one line."""
