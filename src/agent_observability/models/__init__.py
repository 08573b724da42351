"""The chat models and their prices."""
