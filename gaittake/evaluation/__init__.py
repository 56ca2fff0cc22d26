"""From embeddings to the numbers of the tables."""
