"""What the nodes share and need: state, intents, prompts, validation, services."""
