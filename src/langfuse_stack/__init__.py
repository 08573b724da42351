"""The real backend: the OpenTelemetry Collector, built or in Docker, and Langfuse in Docker."""
