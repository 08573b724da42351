"""Observations and scores in one SQLite file: written, pruned, found and summed up."""
