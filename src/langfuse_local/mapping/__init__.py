"""Spans to observations by the rules of Langfuse 4.16, with neither network nor disk."""
