"""The user's own network: its source, the trial in a process of its own, and running it."""
