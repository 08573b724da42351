"""What the commands print instead of a traceback."""

__all__ = ["StackError"]


class StackError(Exception):
    """A command cannot go on; the message is a sentence with the fix."""
