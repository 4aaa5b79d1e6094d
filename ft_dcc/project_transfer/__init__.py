"""Copy of a project from a site into a studio, or back; knows no hosts, files on disk or command line."""
