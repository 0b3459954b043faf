"""Masks compared: overlap, stability, grids of input maps."""
