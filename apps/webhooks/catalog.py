"""What can go wrong with deliveries, in words for people, by code."""

from meshsix.web.catalog import Words

PROBLEMS: dict[str, Words] = {
    "webhooks:delivery:not-now": Words(
        means="The delivery is still to be handled, so there is nothing to replay.",
        hint="Wait until it has been handled; its page says what it waits for.",
    ),
    "webhooks:delivery:payload-gone": Words(
        means="The delivery's payload is not kept any more, so it cannot be handled again.",
        hint="Replay deliveries while their payloads are kept (DELIVERY_PAYLOADS_KEPT_SECONDS).",
    ),
    "webhooks:replay:too-many": Words(
        means="The filter fits more deliveries than may be replayed at once.",
        hint="Narrow it, for example by since and until.",
    ),
    "webhooks:rotation:no-hook": Words(
        means="There is no webhook at GitHub whose secret could be rotated.",
        hint="Onboard the repository again: that makes the webhook, with a secret of its own.",
    ),
    "webhooks:rotation:no-secret": Words(
        means="Vault holds no secret for this webhook, so no delivery of it is believed.",
        hint="Onboard the repository again: that makes a secret and gives it to GitHub.",
    ),
    "webhooks:rotation:under-way": Words(
        means="The webhook's secret is being rotated already.",
        hint="Wait for that rotation; where it failed, start it again and it goes on where it stopped.",
    ),
    "webhooks:reply:unknown": Words(
        means="This link is not one of ours.",
        hint="Open it from the notice itself: a part of the address may be missing.",
    ),
    "webhooks:reply:expired": Words(
        means="The time for this answer is over.", hint="Sign in and look at the dashboard what became of the question."
    ),
    "webhooks:reply:used": Words(
        means="This link was used already: the first answer counts.",
        hint="Sign in and look at the dashboard what became of the question.",
    ),
    "webhooks:reply:empty": Words(means="There is no answer in it.", hint="Write an answer and send it again."),
    "webhooks:reply:later": Words(
        means="The answer could not be stored just now.", hint="Send it again in a minute: the link still works."
    ),
}
