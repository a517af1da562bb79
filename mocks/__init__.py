"""Stand-in servers of the providers' APIs, for tests and the demo; imports nothing of ours."""
