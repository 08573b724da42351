"""The shop: orders, policies, customers, the carrier, conversations, handoffs, their database."""
