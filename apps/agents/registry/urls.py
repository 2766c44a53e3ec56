"""The addresses of tasks and agents."""

from django.urls import URLPattern, URLResolver, path

from apps.agents.registry.views import agent_pages, agents, asking_pages, outside, task_pages, tasks

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("tasks", tasks.TaskList.as_view(), name="task-api-list"),
    path("tasks/<uuid:task_id>", tasks.TaskDetail.as_view(), name="task-api"),
    path("tasks/<uuid:task_id>/attempts", tasks.TaskAttempts.as_view(), name="task-api-attempts"),
    path("tasks/<uuid:task_id>/why", tasks.TaskWhy.as_view(), name="task-api-why"),
    path(
        "tasks/<uuid:task_id>/attempts/<int:attempt>/progress",
        outside.AttemptProgress.as_view(),
        name="task-api-progress",
    ),
    path("tasks/<uuid:task_id>/attempts/<int:attempt>/result", outside.AttemptResult.as_view(), name="task-api-result"),
    path("tasks/<uuid:task_id>/cancel", tasks.TaskCancel.as_view(), name="task-api-cancel"),
    path("tasks/<uuid:task_id>/retry", tasks.TaskRetry.as_view(), name="task-api-retry"),
    path("tasks/<uuid:task_id>/approve", tasks.TaskApprove.as_view(), name="task-api-approve"),
    path("tasks/<uuid:task_id>/preview", tasks.TaskPreview.as_view(), name="task-api-preview"),
    path("tasks/<uuid:task_id>/reject", tasks.TaskReject.as_view(), name="task-api-reject"),
    path("agents", agents.AgentList.as_view(), name="agent-api-list"),
    path("agents/score/<str:capability>", agents.Scores.as_view(), name="agent-api-score"),
    path("agents/<str:agent_id>", agents.AgentDetail.as_view(), name="agent-api"),
    path("agents/<str:agent_id>/history", agents.AgentHistory.as_view(), name="agent-api-history"),
    path("agents/<str:agent_id>/leases", outside.Leases.as_view(), name="agent-api-leases"),
    path("agents/<str:agent_id>/heartbeat", outside.Beat.as_view(), name="agent-api-heartbeat"),
    path(
        "agents/<str:agent_id>/instances/<str:instance_id>",
        outside.InstanceDetail.as_view(),
        name="agent-api-instance",
    ),
]
page_urlpatterns: list[URLPattern | URLResolver] = [
    path("agents", agent_pages.agent_list, name="agent-list"),
    path("agents/score/<str:capability>", agent_pages.score_page, name="score-page"),
    path("agents/score/<str:capability>/routing", agent_pages.set_routing, name="score-routing"),
    path("agents/<str:agent_id>", agent_pages.agent_page, name="agent-page"),
    path("agents/<str:agent_id>/switch", agent_pages.switch, name="agent-switch"),
    path("agents/<str:agent_id>/slots", agent_pages.set_slots, name="agent-slots"),
    path("agents/<str:agent_id>/capabilities/<str:capability>", agent_pages.override, name="agent-override"),
    path("tasks", task_pages.task_list, name="task-list"),
    path("tasks/new", asking_pages.task_new, name="task-new"),
    path("tasks/<uuid:task_id>", task_pages.task_page, name="task-page"),
    path("tasks/<uuid:task_id>/cancel", task_pages.cancel, name="task-cancel"),
    path("tasks/<uuid:task_id>/retry", task_pages.retry, name="task-retry"),
    path("tasks/<uuid:task_id>/approve", task_pages.approve, name="task-approve"),
    path("tasks/<uuid:task_id>/preview", task_pages.preview, name="task-preview"),
    path("tasks/<uuid:task_id>/reject", task_pages.reject, name="task-reject"),
]
