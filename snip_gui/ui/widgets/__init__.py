"""Reusable widgets that do not depend on the application."""
