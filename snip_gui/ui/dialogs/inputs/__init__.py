"""Dialogs on networks, data sets and images."""
