"""What can go wrong with a model beyond what vendors raise. `error_type` is the word that a task's attempt ends with.

TryLater and Refused of the vendor pass through; a refused key is durable's Permanent, since no attempt will mend it.
"""

from apps.agents.llm.words import ToolUse


class CallFailed(Exception):  # noqa: N818 - reads as a word of the domain
    """A model could not be used; `hint` tells a person what to do."""

    error_type = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InvalidAnswer(CallFailed):
    """The answer is cut, empty or does not fit its schema, also after the repair.

    `text` is what the model said; `models` are those that answered and `tools` those that really ran, where known.
    """

    error_type = "invalid_answer"

    def __init__(
        self,
        message: str,
        *,
        text: str,
        hint: str = "",
        models: tuple[str, ...] = (),
        tools: tuple[ToolUse, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.text = text
        self.models = models
        self.tools = tools


class BudgetExceeded(CallFailed):
    """The project or the agent has spent its budget: no call was made, or LiteLLM refused it."""

    error_type = "budget_exceeded"


class ContextTooLarge(CallFailed):
    """What must be said is longer than what may be said."""

    error_type = "context_too_large"


class BadPrompt(Exception):  # noqa: N818 - reads as a word of the domain
    """A prompt's file cannot be used, or a word that it needs was not given; the message names file and word."""
