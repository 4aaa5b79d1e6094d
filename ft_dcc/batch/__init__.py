"""Publish many items: manifests, plan, unit of work, engines; knows publishing, and nothing of the command line."""
