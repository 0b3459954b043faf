"""Comparison of masks: overlap, stability, grids of input maps."""
