"""Files of a laboratory."""
