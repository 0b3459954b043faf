"""Dialogs that write and open files."""
