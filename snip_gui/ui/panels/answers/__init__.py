"""What trained networks see in an image."""
