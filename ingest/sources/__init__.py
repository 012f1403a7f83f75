"""Read instruments, bars and scans from files, services and the simulated market."""
