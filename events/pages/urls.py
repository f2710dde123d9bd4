"""The pages for kept mail."""

from django.urls import path

from events.pages import views

urlpatterns = [
    path("dev/mail", views.MailList.as_view(), name="dev_mail"),
    path("dev/mail/<str:mail_id>", views.MailItem.as_view(), name="dev_mail_item"),
    path("dev/mail/<str:mail_id>/html", views.MailHTML.as_view(), name="dev_mail_html"),
]
