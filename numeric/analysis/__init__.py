"""What the data say about x: which directions they determine, and how a minimum moves when they change."""
