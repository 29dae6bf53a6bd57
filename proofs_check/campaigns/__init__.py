"""Campaigns: from claims to verdicts, on processes, with a journal."""
