"""Which plugins exist, in which order and how pyblish runs them; knows nothing of what a particular one does."""
