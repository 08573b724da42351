"""A local backend for OpenTelemetry spans that answers as Langfuse 4.16 does.

It receives OTLP on the Collector's port and serves sessions, users, traces and the part of
Langfuse's public API that the demo needs, in one process and without Docker.
"""
