"""The actions of the API, and the dispatcher that answers requests with them.

It knows nothing of HTTP, encoding, mail or review pages: ``app`` hands the dispatcher a registry of all actions.
"""
