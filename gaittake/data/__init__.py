"""From the cache to training batches."""
