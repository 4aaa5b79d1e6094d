"""What operating systems do differently: child processes, signals, and connections to this machine."""
