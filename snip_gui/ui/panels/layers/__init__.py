"""Layers: what is kept of each, live, and a warning where nothing gets through."""
