"""`manage.py reembed_memories [--check]`: bring the vectors of all memories in line with the settings."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.agents.llm.errors import CallFailed
from apps.agents.memory import dimension, embeddings
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import VendorError
from meshsix.web.command import Exit, PlatformCommand
from meshsix.wiring import clients


class Command(PlatformCommand):
    help = "Give all memories vectors of EMBEDDING_MODEL with EMBEDDING_DIMENSION numbers. It may be repeated."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--check", action="store_true", help="Only say whether settings, column and model agree.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - as Django calls it
        try:
            facts = self._check() if options["check"] else self._reembed()
        except dimension.Disagreement as error:
            raise CommandError(str(error), returncode=Exit.FAILED) from error
        except (VendorError, CallFailed, Permanent) as error:
            words = f"{error} {getattr(error, 'hint', '')} Run the command again: what is done stays done."
            raise CommandError(words, returncode=Exit.FAILED) from error
        if self.as_json:
            self.give(facts)

    def _check(self) -> dict[str, object]:
        probed = embeddings.check(clients())
        self.console.print(
            "Setting, column and model agree." if probed else "Setting and column agree; no model answers."
        )
        return {"agree": True, "probed": probed}

    def _reembed(self) -> dict[str, object]:
        resized = embeddings.resize()
        done = embeddings.reembed(clients(), tell=lambda number: self.console.print(f"{number} memories"))
        self.console.print(f"{done} memories have new vectors.")
        return {"resized": resized, "memories": done}
