"""Run folders: their files, lock and summary; listing and editing them."""
