"""The Masks tab's parts: what is wished for, drawn, measured, shown and written down to repeat."""
