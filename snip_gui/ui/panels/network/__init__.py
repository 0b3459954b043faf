"""Network: what the chosen network is made of, and what the mask leaves of it."""
