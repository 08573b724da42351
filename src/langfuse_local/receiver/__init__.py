"""Spans over HTTP: read within bounds, refused or stored whole."""
