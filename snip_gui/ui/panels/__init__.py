"""One panel a file. Panels share the session's state and do not import one another."""
