"""The page *Publish* and its panels, which know the controller, the host and the style, and no other page."""
