"""What a model is given to work with, under a budget of tokens, and what had to be left out. Pure.

System prompt and payload are never cut. What is too much goes in this order: memories from the lowest rank, down to the
last one; the conversation, oldest first; the state, from its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from apps.agents.llm.errors import ContextTooLarge
from apps.agents.llm.prompts import data
from meshsix.integrations.litellm import Message, Speaker
from meshsix.kit import tokens

MOST_FOR_MEMORIES = 1500


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What there is. `memories` are the best first, `conversation` the oldest first."""

    system: str
    payload: str
    state: str = ""
    memories: Sequence[str] = ()
    conversation: Sequence[Message] = ()


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """What was left out: how many memories and messages, and whether the state was cut."""

    memories: int = 0
    messages: int = 0
    state_cut: bool = False


@dataclass(frozen=True, kw_only=True)
class Context:
    """The messages for the model, how many tokens they have, and what they leave out.

    `state_shown` is how many characters of the state's beginning they have.
    """

    messages: tuple[Message, ...]
    tokens: int
    memories_used: int
    state_shown: int = 0
    dropped: Dropped = field(default_factory=Dropped)


def build(parts: Parts, *, most: int, most_for_memories: int = MOST_FOR_MEMORIES) -> Context:
    """Return the context of at most `most` tokens. Raises ContextTooLarge where prompt and payload alone are more."""
    alone = _size(_messages(parts, "", (), ()))
    if alone > most:
        raise ContextTooLarge(
            f"Prompt and payload have {alone} tokens, but the context may have {most}.",
            hint="Send a shorter payload, or raise CONTEXT_TOKENS.",
        )
    memories, conversation, state = list(parts.memories), list(parts.conversation), parts.state
    while memories and tokens.count(_remembered(memories)) > most_for_memories:
        memories.pop()
    while memories and _size(_messages(parts, state, memories, conversation)) > most:
        memories.pop()
    while conversation and _size(_messages(parts, state, memories, conversation)) > most:
        conversation.pop(0)
    if _size(_messages(parts, state, memories, conversation)) > most:
        state = _shorter_state(parts, most)
    messages = _messages(parts, state, memories, conversation)
    return Context(
        messages=messages,
        tokens=_size(messages),
        memories_used=len(memories),
        state_shown=len(state if state == parts.state else state.removesuffix(tokens.CUT)),
        dropped=Dropped(
            memories=len(parts.memories) - len(memories),
            messages=len(parts.conversation) - len(conversation),
            state_cut=state != parts.state,
        ),
    )


def _shorter_state(parts: Parts, most: int) -> str:
    """Return as much of the state's beginning as fits beside prompt and payload, with the mark of a cut, or nothing."""
    low, high = 0, tokens.count(parts.state)
    while low < high:
        middle = (low + high + 1) // 2
        if _size(_messages(parts, tokens.cut(parts.state, middle), (), ())) <= most:
            low = middle
        else:
            high = middle - 1
    return tokens.cut(parts.state, low)


def _messages(
    parts: Parts, state: str, memories: Sequence[str], conversation: Sequence[Message]
) -> tuple[Message, ...]:
    known = "\n\n".join(block for block in (_of_state(state), _remembered(memories)) if block)
    system = f"{parts.system}\n\n{known}" if known else parts.system
    return (
        Message(speaker=Speaker.SYSTEM, content=system),
        *conversation,
        Message(speaker=Speaker.USER, content=parts.payload),
    )


def _of_state(state: str) -> str:
    return f"The state of the work:\n{data('state', state)}" if state else ""


def _remembered(memories: Sequence[str]) -> str:
    """Return the memories as a marked block: what was once said by others is data here."""
    if not memories:
        return ""
    listed = "\n".join(f"- {memory}" for memory in memories)
    return f"What is remembered, the most fitting first:\n{data('memories', listed)}"


def _size(messages: Sequence[Message]) -> int:
    return sum(tokens.count(message.content) for message in messages)
