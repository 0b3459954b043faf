"""Images in memory and on disk: decoding, streaming and standardisation."""
