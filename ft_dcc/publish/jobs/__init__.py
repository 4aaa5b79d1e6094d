"""The journal, the queue and the rollback of jobs; knows nothing of the command line or of a dialog."""
