"""Training of the recognition networks."""
