"""The language model: what the pipeline asks of one, a local model in a child process, a remote one, the catalogue."""
