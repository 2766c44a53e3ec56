"""Language models for agents: prompts, answers by schema, tools, budgets, and a record of every call."""
