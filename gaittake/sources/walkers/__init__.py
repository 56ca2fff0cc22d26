"""The built-in dataset: rendered people whose gait is modelled on motion capture."""
