"""Images in memory and on disk, decoded, streamed and standardised."""
