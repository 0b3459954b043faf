"""Dialogs for runs."""
