"""People, the teams they work in, what they may do, and the tokens that act for machines."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.contrib.postgres.indexes import GistIndex
from django.db import models

from releasetrain.accounts.rules import Role


class Team(models.Model):
    """People who ship together."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=64, default="UTC")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return []


class UserManager(BaseUserManager["User"]):
    """Create people by their mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by mail address, who reads times in a zone of their own."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=64, default="UTC")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    joined_at = models.DateTimeField(auto_now_add=True)
    teams = models.ManyToManyField(Team, through="Membership", related_name="people")

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name or self.email

    def event_topics(self) -> list[str]:
        return []


class Membership(models.Model):
    """One role of one person, in a team or, where team is empty, in the whole house."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=20, choices=[(role.value, role.label) for role in Role])

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "team", "role"], name="membership_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {Role(self.role).label} in {self.team or 'the whole house'}"


class Shift(models.Model):
    """A team's on-call duty on the wall clock of a zone: once, or by an RFC 5545 rule with people in turn.

    `starts_local` and `ends_local` are the two ends of the first time, naive. A shift from a feed carries the
    id of that and the event's uid; `label` names the person as the feed does, known here or not.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="shifts")
    time_zone = models.CharField(max_length=64)
    starts_local = models.CharField(max_length=19, help_text="local wall time, 2026-11-23T09:00")
    ends_local = models.CharField(max_length=19)
    rule = models.CharField(max_length=1000, blank=True)
    label = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=500, blank=True)
    feed = models.BigIntegerField(null=True, blank=True)
    uid = models.CharField(max_length=500, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["team", "starts_local"]

    def __str__(self) -> str:
        return f"on-call of {self.team}"

    def event_topics(self) -> list[str]:
        return [f"team:{self.team_id}", "calendar"]


class ShiftSeat(models.Model):
    """One person's place in the turn of a shift; the first time is the first seat's."""

    shift = models.ForeignKey(Shift, on_delete=models.CASCADE, related_name="seats")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="shift_seats")
    order = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["order"]
        constraints = [models.UniqueConstraint(fields=["shift", "order"], name="shift_seat_once")]

    def __str__(self) -> str:
        return f"{self.user} at {self.order}"


class Duty(models.Model):
    """One span in which somebody is on call, materialised from a shift; half-open."""

    shift = models.ForeignKey(Shift, on_delete=models.CASCADE, related_name="duties")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="duties")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="duties")
    label = models.CharField(max_length=200)
    during = DateTimeRangeField()

    class Meta:
        ordering = ["during"]
        indexes = [
            GistIndex(fields=["during"], name="duty_during"),
            models.Index(fields=["team"], name="duty_team"),
        ]

    def __str__(self) -> str:
        return f"{self.label} for {self.team}"


class CalendarLink(models.Model):
    """What makes a person's private calendar addresses theirs; a new nonce makes the old ones worthless."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="calendar_link")
    nonce = models.CharField(max_length=43)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"calendar addresses of {self.user}"


class ApiToken(models.Model):
    """A secret that a machine shows; only its digest is kept, and its scopes say what it may do."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=100), default=list)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="api_tokens")
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def event_topics(self) -> list[str]:
        return []


class SignInLink(models.Model):
    """A link that signs one person in once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"sign-in link for {self.user}"

    def is_usable(self, now: datetime) -> bool:
        return self.used_at is None and now < self.expires_at
