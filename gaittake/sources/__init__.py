"""Where sequences come from: the only code that knows a dataset's folders."""
