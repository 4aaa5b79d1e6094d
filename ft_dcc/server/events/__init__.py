"""The event hub: connections of clients, delivery of events, and the events about changed entities."""
