"""What the templates of deliveries need."""
