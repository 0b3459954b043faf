"""Widgets that move by themselves."""
