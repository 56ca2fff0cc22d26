"""The jobs of a dataset: their settings, files and code. Rules and commands ask here."""
