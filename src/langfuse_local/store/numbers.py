"""Numbers as JavaScript writes and reads them."""

__all__ = ["number_of", "plain"]


def plain(number: float) -> int | float:
    """0 and not 0.0, as JavaScript writes it."""
    return int(number) if float(number).is_integer() else number


def number_of(text: str) -> float | None:
    """The number that a text is, None for any other text."""
    try:
        return None if "_" in text else float(text)  # Python's own digit groups
    except ValueError:
        return None
