"""What every room agrees on; imports nothing of ours."""
