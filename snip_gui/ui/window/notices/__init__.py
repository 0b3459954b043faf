"""Messages that appear over the window."""
