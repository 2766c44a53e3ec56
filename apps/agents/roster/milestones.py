"""The milestones M1, M2 and M3 as smoke tests: what the agents together must be able to do."""

from uuid import uuid4

from apps.agents.registry.smoke import Answer, Asker, NotConfigured, Smoke, expect

_ANSWER = "general-query"
UNKNOWN = "test-service"


def answers_a_sum(asker: Asker) -> None:
    """M1: a question is answered, and registry and history say by whom."""
    answer = asker.ask(_ANSWER, {"query": "What is 2+2?"})
    expect("4" in answer.result["response"], f"the response has no 4: {answer.result['response'][:200]}")
    (tried,) = [each for each in asker.get(f"/tasks/{answer.task_id}/attempts")["results"] if each["success"]]
    told = (tried["agent_id"], tried["capability"])
    expect(told == (asker.agent_id, _ANSWER), f"the history says {told}")
    status = asker.get(f"/agents/{asker.agent_id}")["status"]
    expect(status == "online", f"the agent is {status}")


def remembers_a_wish(asker: Asker) -> None:
    """M2: what one person wished is recalled for that person alone."""
    one, other = f"smoke-{uuid4().hex}", f"smoke-{uuid4().hex}"
    asker.ask(_ANSWER, {"query": "Please always answer concisely. What is DNS?", "user_id": one})
    again = recalled(asker, asker.ask(_ANSWER, {"query": "And what is TLS?", "user_id": one}))
    expect(again >= 1, "nothing was recalled of the same person")
    foreign = recalled(asker, asker.ask(_ANSWER, {"query": "And what is TLS?", "user_id": other}))
    expect(foreign == 0, f"{foreign} memories were recalled of another person")


def recalled(asker: Asker, answer: Answer) -> int:
    """Return how many memories a task recalled, by its events."""
    events = asker.get(f"/events?task_id={answer.task_id}&event_type=tool.result")["results"]
    return sum(each["payload"]["count"] for each in events if each["payload"]["tool_name"] == "memory.recall")


def scores_deployers(asker: Asker) -> None:
    """M3: argocd-deployer comes before kubectl-deployer; with every success so far and none yet, 0.945 and 0.7."""
    cards = {card["agent_id"]: card for card in asker.get("/agents/score/deploy-service")["results"]}
    for agent_id, least in (("argocd-deployer", 0.945), ("kubectl-deployer", 0.7)):
        expect(agent_id in cards, f"{agent_id} does not offer deploy-service")
        card = cards[agent_id]
        told = f"{agent_id} scores {card['final_score']} ({', '.join(card['reasons']) or 'eligible'})"
        expect(card["window"] > 0 or card["final_score"] == least, f"{told}, not {least}")
    first, second = cards["argocd-deployer"]["final_score"], cards["kubectl-deployer"]["final_score"]
    expect(first > second, f"argocd-deployer scores {first}, kubectl-deployer {second}")


def routes_a_deployment(asker: Asker) -> None:
    """M3: a deployment goes to argocd-deployer, and the cards of both deployers are stored. Changes nothing."""
    answer = asker.ask("deploy-service", {"action": "get-status", "service": asker.target}, by_score=True)
    expect(answer.agent_id == asker.agent_id, f"{answer.agent_id} got it")
    (dispatch, *_) = asker.get(f"/tasks/{answer.task_id}/why")["dispatches"]
    stored = {each["agent_id"] for each in dispatch["agents"] if each["card"]}
    expect(stored >= {asker.agent_id, "kubectl-deployer"}, f"cards are stored of {', '.join(sorted(stored))}")


def deploys(asker: Asker) -> None:
    """M3: a known application is synced and healthy at the asked revision."""
    known = asker.ask("deploy-service", {"action": "get-status", "service": asker.target}).result
    done = asker.ask("deploy-service", {"service": asker.target, "revision": known["revision"]}).result
    told = (done["revision"], done["sync_status"], done["health_status"])
    expect(told == (known["revision"], "Synced", "Healthy"), f"{asker.target} is {', '.join(told)}")


def misses_an_application(asker: Asker) -> None:
    """M3: an unknown application ends as missing, with a hint. Only looks.

    An agent that did nothing but fail gets no more tasks: what works is asked for before and after.
    """
    look, unknown = {"action": "list-applications"}, {"action": "get-status", "application": UNKNOWN}
    asker.ask("sync-gitops", look)
    error = asker.send("sync-gitops", unknown, attempts=1).error
    asker.ask("sync-gitops", look)
    if error.get("code") == "argocd:not-allowed":
        raise NotConfigured(f"ARGOCD_ALLOWED_APPLICATIONS does not allow the application {UNKNOWN}, which nobody has")
    expect(error.get("type") == "missing", f"an unknown application ends as {error.get('type', 'no error')}")
    expect(error.get("hint"), "there is no hint")


def consults(asker: Asker) -> None:
    """M3: a recommendation in the structure of architect-agent, with the tools that it rests on."""
    answer = asker.ask("tech-consultation", {"question": "Redis or PostgreSQL for caching session state?"})
    expect(answer.result["summary"], "there is no summary")
    expect(answer.result["tech_stack"]["primary"], "no technology is recommended")
    expect(0 <= answer.result["confidence"] <= 1, f"the confidence is {answer.result['confidence']}")


M1 = Smoke(title="M1 answers a question", does=answers_a_sum)
M2 = Smoke(title="M2 remembers a wish for its person alone", does=remembers_a_wish)
M3_SCORES = Smoke(title="M3 deployers in their order", does=scores_deployers, needs=("kubectl-deployer",))
M3_ROUTES = Smoke(title="M3 routes a deployment", does=routes_a_deployment, needs=("kubectl-deployer",), writes=True)
M3_DEPLOYS = Smoke(title="M3 deploys a revision", does=deploys, writes=True)
M3_MISSES = Smoke(title="M3 an unknown application is missing", does=misses_an_application)
M3_CONSULTATION = Smoke(title="M3 recommends a technology", does=consults)
MILESTONES: tuple[tuple[str, Smoke], ...] = (
    ("simple-agent", M1),
    ("simple-agent", M2),
    ("argocd-deployer", M3_SCORES),
    ("argocd-deployer", M3_ROUTES),
    ("argocd-deployer", M3_DEPLOYS),
    ("argocd-deployer", M3_MISSES),
    ("architect-agent", M3_CONSULTATION),
)
