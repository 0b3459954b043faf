"""Messages shown in or over the window."""
