"""The addresses of the frame: sign-in, health, metrics, API description."""

from django.urls import URLPattern, URLResolver

root_urlpatterns: list[URLPattern | URLResolver] = []
api_urlpatterns: list[URLPattern | URLResolver] = []
page_urlpatterns: list[URLPattern | URLResolver] = []
