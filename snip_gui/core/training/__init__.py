"""Training a network under its mask."""
