"""One module for each command; importing them loads typer and nothing heavy."""
