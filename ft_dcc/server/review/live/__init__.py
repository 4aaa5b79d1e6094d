"""Live connections of open review pages: changes and presentations; it writes nothing to the database."""
