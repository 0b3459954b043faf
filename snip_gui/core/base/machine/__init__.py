"""What the machine provides: devices, processes and optional packages."""
