"""Dialogs for networks, data sets and images."""
