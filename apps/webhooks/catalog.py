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
}
