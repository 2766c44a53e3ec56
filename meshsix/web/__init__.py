"""How the platform speaks HTTP: roles, errors, throttles, paging, health, metrics, the page frame."""
