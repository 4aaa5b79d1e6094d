"""Input and output in a terminal: values of options, progress, results and Ctrl-C; it knows no command."""
