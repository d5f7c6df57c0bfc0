"""What operators cost a runtime, and the channel orders that cost least."""
