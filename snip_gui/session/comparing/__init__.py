"""Pinned masks, questions to them, and the grid."""
