"""Files that persist between sessions: read defensively, and written off the GUI thread."""
