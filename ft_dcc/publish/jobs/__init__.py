"""Job folders: the journal, checkpoints, the queue, offline captures and the rollback of cancelled jobs.

It knows nothing of the command line or of a dialog.
"""
