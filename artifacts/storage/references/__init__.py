"""References: what lies in somebody else's system, asked about and read, never written."""
