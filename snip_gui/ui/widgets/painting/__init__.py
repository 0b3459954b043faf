"""Painting on pictures."""
