"""The training loop of the recognition networks."""
