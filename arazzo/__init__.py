"""The Arazzo language: pure functions over values, without network, file, clock or randomness."""
