"""What the templates of agents and tasks need."""
