"""One module an agent: its class and its typed words."""
