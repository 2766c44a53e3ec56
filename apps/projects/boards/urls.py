"""The addresses of projects and their boards."""

from django.urls import URLPattern, URLResolver, path

from apps.projects.boards.views import api, pages

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("projects", api.ProjectList.as_view(), name="projects-api"),
    path("projects/<str:owner>/<str:repo>", api.ProjectDetail.as_view(), name="project-api"),
    path("projects/<str:owner>/<str:repo>/board", api.Board.as_view(), name="project-board-api"),
]
page_urlpatterns: list[URLPattern | URLResolver] = [
    path("projects", pages.project_list, name="project-list"),
    path("projects/<str:owner>/<str:repo>", pages.project_page, name="project-page"),
]
