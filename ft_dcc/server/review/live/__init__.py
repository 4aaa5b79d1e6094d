"""Live connections of open review pages: changes of their session, and presentations.

It knows the content and the access of the review page, and writes nothing to the database.
"""
