"""What the menus do that is more than one call."""
