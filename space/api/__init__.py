"""The endpoints that other programs call."""
