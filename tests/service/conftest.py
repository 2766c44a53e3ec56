"""What all service tests share: nothing in this process writes by itself after its test is over."""

from apps.webhooks.doors import refusals

refusals.WRITE_AFTER_SECONDS = 3600.0  # a test that wants refusals written says `REFUSALS.write()`
