"""Says in words what views show, for screen readers."""
