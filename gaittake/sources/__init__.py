"""Finds or renders sequences. Only this package knows how a dataset's folders are laid out."""
