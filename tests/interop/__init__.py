"""Tests beside the real peers; see conftest.py."""
