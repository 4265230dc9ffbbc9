"""The drawing canvas: its page side (HTML, CSS, JavaScript) and its server side."""
