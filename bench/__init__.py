"""What measures speed, memory and growth: `make bench`."""
