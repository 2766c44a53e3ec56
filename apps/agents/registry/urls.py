"""The addresses of tasks and agents."""

from django.urls import URLPattern, URLResolver, path

from apps.agents.registry.views import agents, tasks

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("tasks", tasks.TaskList.as_view(), name="task-api-list"),
    path("tasks/<uuid:task_id>", tasks.TaskDetail.as_view(), name="task-api"),
    path("tasks/<uuid:task_id>/attempts", tasks.TaskAttempts.as_view(), name="task-api-attempts"),
    path("tasks/<uuid:task_id>/why", tasks.TaskWhy.as_view(), name="task-api-why"),
    path("tasks/<uuid:task_id>/cancel", tasks.TaskCancel.as_view(), name="task-api-cancel"),
    path("tasks/<uuid:task_id>/retry", tasks.TaskRetry.as_view(), name="task-api-retry"),
    path("tasks/<uuid:task_id>/approve", tasks.TaskApprove.as_view(), name="task-api-approve"),
    path("tasks/<uuid:task_id>/reject", tasks.TaskReject.as_view(), name="task-api-reject"),
    path("agents", agents.AgentList.as_view(), name="agent-api-list"),
    path("agents/score/<str:capability>", agents.Scores.as_view(), name="agent-api-score"),
    path("agents/<str:agent_id>", agents.AgentDetail.as_view(), name="agent-api"),
    path("agents/<str:agent_id>/history", agents.AgentHistory.as_view(), name="agent-api-history"),
]
page_urlpatterns: list[URLPattern | URLResolver] = []
