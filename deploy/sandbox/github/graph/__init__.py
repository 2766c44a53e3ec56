"""GitHub's GraphQL interface: the schema's subset, its objects and its mutations."""
