"""Systems that prune a trained network, or prune while they train, one module each."""
