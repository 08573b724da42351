"""Sessions, users and traces as pages, in the places of Langfuse's own."""
