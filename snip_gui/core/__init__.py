"""The method and everything it needs, without a window: usable from a script or a notebook."""
