"""Stores observations and scores in one SQLite file, finds them, sums them up and prunes them."""
