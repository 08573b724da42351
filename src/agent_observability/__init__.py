"""An order-status agent whose spans carry Langfuse's session, user and trace context."""
