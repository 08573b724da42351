"""Versions that the backend states about itself."""

__all__ = ["LANGFUSE_VERSION", "MARK", "VERSION"]

VERSION = "0.1.0"
LANGFUSE_VERSION = "4.16.0"  # whose answers it gives

# Langfuse sends no such header: by it our own tools tell the local backend from Langfuse.
MARK = "x-langfuse-local"
