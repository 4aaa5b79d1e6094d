"""``encode_media``: a queue of jobs in the database, and the worker that runs the encoder for them."""
