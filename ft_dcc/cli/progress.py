"""Progress of a publish on a terminal: one bar a step; plain lines where nobody watches."""
