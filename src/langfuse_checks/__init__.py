"""Clients of Langfuse's public API: the chapter's promises, checked on whichever backend runs."""
