"""The command line: the same recipes without a window; needs no display and imports no Qt."""
