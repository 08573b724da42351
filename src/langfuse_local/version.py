"""Versions that the backend states about itself."""

__all__ = ["BACKEND_HEADER", "LANGFUSE_VERSION", "VERSION"]

VERSION = "0.1.0"
LANGFUSE_VERSION = "4.16.0"  # whose answers it gives

# Langfuse sends no such header, so it tells the local backend from Langfuse.
BACKEND_HEADER = "x-langfuse-local"
