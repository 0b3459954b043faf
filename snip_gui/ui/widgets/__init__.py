"""Reusable pieces that do not know the application."""
