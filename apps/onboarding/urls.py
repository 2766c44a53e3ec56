"""The addresses of onboarding."""

from django.urls import URLPattern, URLResolver, path

from apps.onboarding.views import api, pages, system

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("onboard", api.OnboardingList.as_view(), name="onboarding-api-list"),
    path("onboard/<uuid:run_id>", api.OnboardingDetail.as_view(), name="onboarding-api"),
    path("onboard/<uuid:run_id>/auth-callback", api.AuthCallback.as_view(), name="onboarding-api-auth-callback"),
    path("onboard/<uuid:run_id>/sign-in", api.SignInAgain.as_view(), name="onboarding-api-sign-in"),
    path("onboard/<uuid:run_id>/decline", api.DeclineSignIn.as_view(), name="onboarding-api-decline"),
    path("onboard/<uuid:run_id>/choose", api.Choose.as_view(), name="onboarding-api-choose"),
    path("onboard/<uuid:run_id>/resume", api.Resume.as_view(), name="onboarding-api-resume"),
    path("onboard/<uuid:run_id>/cancel", api.Cancel.as_view(), name="onboarding-api-cancel"),
    path("onboard/<uuid:run_id>/rerun", api.Rerun.as_view(), name="onboarding-api-rerun"),
    path("system/doctor", system.Doctor.as_view(), name="doctor-api"),
]
page_urlpatterns: list[URLPattern | URLResolver] = [
    path("onboarding", pages.onboarding_list, name="onboarding-list"),
    path("onboarding/overview", pages.onboarding_overview, name="onboarding-overview"),
    path("onboarding/new", pages.onboarding_new, name="onboarding-new"),
    path("onboarding/<uuid:run_id>", pages.onboarding_page, name="onboarding-page"),
    path("onboarding/<uuid:run_id>/submit", pages.submit_code, name="onboarding-submit"),
    path("onboarding/<uuid:run_id>/sign-in", pages.sign_in_again, name="onboarding-sign-in"),
    path("onboarding/<uuid:run_id>/decline", pages.decline, name="onboarding-decline"),
    path("onboarding/<uuid:run_id>/choose", pages.choose, name="onboarding-choose"),
    path("onboarding/<uuid:run_id>/resume", pages.resume, name="onboarding-resume"),
    path("onboarding/<uuid:run_id>/cancel", pages.cancel, name="onboarding-cancel"),
    path("onboarding/<uuid:run_id>/rerun", pages.rerun, name="onboarding-rerun"),
]
