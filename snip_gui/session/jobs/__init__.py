"""Worker threads, and the jobs that run in them."""
