"""Panels, one per file. They share the session's state and do not import one another."""
