"""The mirror of each project's board: where every card stands, and what its moves mean."""
