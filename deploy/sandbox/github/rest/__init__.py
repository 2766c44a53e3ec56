"""GitHub's REST interface, a module for each chapter of its reference."""
