"""What can go wrong with tokens, in words for people, by code."""

from meshsix.web.catalog import Words

PROBLEMS: dict[str, Words] = {
    "token:not-allowed": Words(
        means="The token would allow more than its owner may do, or live too long.",
        hint="Ask for fewer scopes or a shorter life, or ask an admin for the role.",
    ),
}
