"""Published statements as claims, grouped by paper; constants stand in one table a paper."""
