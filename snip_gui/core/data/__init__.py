"""Images: where they come from, how they are split, and which of them are scored."""
