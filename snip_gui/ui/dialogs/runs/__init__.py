"""Dialogs on runs."""
