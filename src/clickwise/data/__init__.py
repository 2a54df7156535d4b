"""From a raw table to batches."""
