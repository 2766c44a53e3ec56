"""What is done with a delivery, by event: one table made of routers, and a list of known events that need nothing."""
