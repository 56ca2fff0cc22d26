"""The jobs of a dataset: their settings, files and code, for rules and commands."""
