"""Pinned masks, questions about them, and the grid."""
