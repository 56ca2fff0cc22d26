"""File access: only this package opens HDF5 files, images, videos, tables and checkpoints."""
