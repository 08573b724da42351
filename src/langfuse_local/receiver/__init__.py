"""Receives spans over HTTP: reads requests within bounds, and stores or refuses them whole."""
