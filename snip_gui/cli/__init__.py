"""The command line: runs the same recipes without a window, a display or Qt."""
