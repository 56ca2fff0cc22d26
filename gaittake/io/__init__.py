"""Files: the only code that opens HDF5, images, videos, tables and checkpoints."""
