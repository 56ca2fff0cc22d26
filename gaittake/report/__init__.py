"""The report: one HTML page with the results of a dataset, and how they were obtained."""
