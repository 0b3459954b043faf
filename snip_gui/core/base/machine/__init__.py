"""What the machine has: devices, processes, packages that may be missing."""
