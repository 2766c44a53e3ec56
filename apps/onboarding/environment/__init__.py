"""A project's environment as files of the platform repository. Pure: no network, no settings, no database."""
