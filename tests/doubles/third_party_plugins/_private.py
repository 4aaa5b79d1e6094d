raise RuntimeError("nobody reads a file with this name")
