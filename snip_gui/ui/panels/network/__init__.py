"""Network: the architecture of the chosen network, and what the mask keeps of it."""
