"""The commands of the Makefile beyond the chapter's turn, and what they share with it."""
