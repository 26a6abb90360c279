"""Services, environments, and the targets where a service meets an environment."""

from django.conf import settings
from django.db import models

from releasetrain.accounts.models import Team
from releasetrain.accounts.rules import Role


class Region(models.Model):
    """A part of the world with a day of its own; an all-day freeze may follow each region's (RULES T7)."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=64, help_text="IANA name, e.g. America/New_York")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return []


class Environment(models.Model):
    """Where services run: production, staging, production in one region."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    region = models.ForeignKey(
        Region, null=True, blank=True, on_delete=models.PROTECT, related_name="environments"
    )
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["order", "name"]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return []


class Service(models.Model):
    """Something that a team ships and that has versions."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="services")
    repository = models.CharField(max_length=200, blank=True, help_text="owner/name at the code host")
    category = models.SlugField(
        blank=True, help_text="what kind of thing it is, where trains have cut-offs by kind: library, service"
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return [f"service:{self.pk}"]


class Target(models.Model):
    """One service in one environment: what traffic is moved for, and by which driver."""

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="targets")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="targets")
    driver = models.CharField(max_length=30)
    driver_config = models.JSONField(default=dict, blank=True)
    stable_version = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["service__name", "environment__order"]
        constraints = [models.UniqueConstraint(fields=["service", "environment"], name="target_once")]

    def __str__(self) -> str:
        return f"{self.service} in {self.environment}"

    def event_topics(self) -> list[str]:
        return [f"service:{self.service_id}"]


class Secret(models.Model):
    """A secret that configurations name, encrypted where it lies; only `catalog.secrets.reveal` opens it.

    Without a team it is the house's.
    """

    name = models.SlugField(unique=True, help_text="what configurations call it")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="secrets")
    ciphertext = models.TextField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def event_topics(self) -> list[str]:
        return []


class Dependency(models.Model):
    """A service that needs another one."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="needs")
    depends_on = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="needed_by")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "depends_on"], name="dependency_once"),
            models.CheckConstraint(
                condition=~models.Q(service=models.F("depends_on")), name="dependency_not_on_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service} needs {self.depends_on}"


class ServiceRole(models.Model):
    """A role that a person holds for one service only."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="service_roles")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(max_length=20, choices=[(role.value, role.label) for role in Role])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "service", "role"], name="service_role_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {Role(self.role).label} for {self.service}"
