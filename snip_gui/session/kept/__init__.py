"""The files that outlive a session: read whatever they hold by now, written off the GUI thread."""
