"""The scored images: drawn by class, picked by hand, or user-supplied."""
