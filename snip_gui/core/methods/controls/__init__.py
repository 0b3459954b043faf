"""Random masks that other methods are compared with, one module each."""
