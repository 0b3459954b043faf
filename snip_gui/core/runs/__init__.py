"""Run folders: their files, leases and summaries, and listing and editing them."""
