"""The one error of the demo: its message is all that a person needs to see."""


class DemoFailed(Exception):
    """Something did not happen as it should have; says what, and where to look."""
