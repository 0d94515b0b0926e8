"""Standard input that is a terminal."""

import io


class Terminal(io.StringIO):
    """A person who types."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True
