"""The report: one page of HTML that shows what a dataset's run has found, and how."""
