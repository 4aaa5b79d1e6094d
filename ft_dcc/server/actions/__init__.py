"""The actions of the API, and the dispatcher that answers requests with a registry of them."""
