"""Layers: what is kept of each, live, with a warning if nothing passes through."""
