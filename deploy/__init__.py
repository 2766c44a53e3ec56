"""What runs Mesh Six: one machine, sandbox vendors, and later clusters."""
