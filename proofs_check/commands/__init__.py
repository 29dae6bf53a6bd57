"""What the commands do and show."""
