"""The rules of windows: what they cover, when they are open, and what that stops."""
