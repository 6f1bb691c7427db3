"""What turns words and pictures into vectors: word tables, hashes, towers from local folders."""
