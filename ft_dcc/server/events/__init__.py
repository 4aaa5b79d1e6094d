"""The event hub: connections of clients, delivery of events, and the events about changed entities.

It knows nothing of the API's actions and of review pages.
"""
