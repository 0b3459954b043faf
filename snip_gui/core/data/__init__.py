"""Images: their sources, how they are split, and which of them are scored."""
