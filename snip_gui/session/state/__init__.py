"""The state of a session."""
