"""The log of each execution of a render, and the publish of complete ones; knows no particular host."""
