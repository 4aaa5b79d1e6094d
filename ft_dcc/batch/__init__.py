"""Publish many items: manifests, the plan, one idempotent unit of work, and the engines that run it.

It knows publishing and sessions, and nothing of the command line.
"""
