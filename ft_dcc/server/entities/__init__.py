"""What happens to entities: they are created, changed and deleted in batches, one transaction each."""
