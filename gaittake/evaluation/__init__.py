"""Embeddings of the test sequences, metrics of the protocol, statistics and tables."""
