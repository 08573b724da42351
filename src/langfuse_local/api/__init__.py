"""The part of Langfuse's public API that answers here, and its refusals."""
