"""What kubectl-deployer does with a cluster: it looks, and it applies what a person has approved."""
