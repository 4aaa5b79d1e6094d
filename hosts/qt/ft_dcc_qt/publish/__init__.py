"""The page *Publish* of the dialog and the panels that it is made of.

It knows the controller, the host and the look of the dialog, and no other page.
"""
