"""Settings: one frozen object, read from the CDK context, the environment and the defaults, in this order.

What AWS itself would refuse is refused here. What AWS accepts but a requirement forbids is not: the rules find that, in
the template, wherever it came from.
"""

import ipaddress
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from infra.instance_class import InstanceClass

# "PutRetentionPolicy", CloudWatch Logs API Reference.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
# "CreateDBInstance", RDS API Reference; 0 turns Enhanced Monitoring off.
MONITORING_INTERVALS = (0, 1, 5, 10, 15, 30, 60)
ENVIRONMENT_CLASSES = ("development", "staging", "production")

NAMES = (
    *("environmentSuffix", "environmentClass", "project", "owner", "costCenter", "engineVersion", "instanceClass"),
    *("multiAz", "allocatedStorage", "maxAllocatedStorage", "iops", "storageThroughput", "backupRetentionDays"),
    *("backupWindow", "maintenanceWindow", "logRetentionDays", "monitoringInterval", "vpcCidr", "availabilityZones"),
    *("natGateways", "alarmEmail"),
)
"""The settings, as the CDK context calls them."""

_LONGEST_SHOWN = 80
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_SUFFIX = re.compile(r"[a-z][a-z0-9]{1,19}")
_ENGINE_VERSION = re.compile(r"[1-9][0-9]\.[0-9]{1,2}")
_ZONE = re.compile(r"us-east-1[a-f]")
_EMAIL = re.compile(r"(?=[!-~]{6,254}$)[^@<>,;\"\\]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
# "Tagging Amazon RDS resources", RDS User Guide.
_TAG_VALUE = re.compile(r"(?!(?i:aws:))[\w.:/=+@-](?:[\w .:/=+@-]{0,254}[\w.:/=+@-])?")
_TAG_VALUE_RULE = "give 1 to 256 letters, digits, inner spaces and _ . : / = + - @, not beginning with aws:"

_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOMENT_OF_WEEK = rf"(?:{'|'.join(_DAYS)}):{_CLOCK}"
_BACKUP_WINDOW = re.compile(f"{_CLOCK}-{_CLOCK}")
_MAINTENANCE_WINDOW = re.compile(f"{_MOMENT_OF_WEEK}-{_MOMENT_OF_WEEK}")
_MINUTES_A_DAY = 24 * 60
_MINUTES_A_WEEK = len(_DAYS) * _MINUTES_A_DAY
_SHORTEST_WINDOW = 30

_PRIVATE_RANGES = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_LARGEST_VPC_PREFIX = 16
_SMALLEST_SUBNET_PREFIX = 28
_FEWEST_ZONES = 2

# gp3 under PostgreSQL: "Amazon RDS DB instance storage", RDS User Guide.
_STORAGE_GIB = range(20, 65_536 + 1)
_STORAGE_RULE = "give 20 to 65536 GiB"
_PROVISIONED_FROM_GIB = 400
_IOPS = range(12_000, 64_000 + 1)
_THROUGHPUT_MIBPS = range(500, 4_000 + 1)
_IOPS_FOR_EACH_MIBPS = 4

_Default = TypeVar("_Default")


class SettingsError(ValueError):
    """A setting that cannot be used; the message is one line: which setting, what was given, what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything about the stack that may differ from one environment to the next."""

    environment_suffix: str
    environment_class: str
    project: str
    owner: str
    cost_center: str
    engine_version: str
    instance_class: InstanceClass
    multi_az: bool
    allocated_storage_gib: int
    max_allocated_storage_gib: int
    iops: int | None
    storage_throughput_mibps: int | None
    backup_retention_days: int
    backup_window: str
    maintenance_window: str
    log_retention_days: int
    monitoring_interval_seconds: int
    vpc_cidr: str
    availability_zones: tuple[str, ...]
    nat_gateways: int
    alarm_email: str | None

    @property
    def subnet_prefix(self) -> int:
        """Prefix length of each subnet: the VPC's range in equal parts, a public and a private one for each zone."""
        return _prefix(self.vpc_cidr) + (2 * len(self.availability_zones) - 1).bit_length()

    @classmethod
    def read(cls, context: Mapping[str, object], environment: Mapping[str, str]) -> Self:
        """Read ``vpcCidr`` and its like from ``context``, else ``VPC_CIDR`` and its like from ``environment``.

        Raise ``SettingsError`` at the first setting that is malformed or that AWS would refuse.
        """
        given = _Given(context, environment)
        zones = given.zones("availabilityZones", ("us-east-1a", "us-east-1b"))
        settings = cls(
            environment_suffix=given.text(
                "environmentSuffix",
                "dev",
                _SUFFIX,
                "give 2 to 20 lower-case ASCII letters and digits, a letter first, no hyphen",
            ),
            environment_class=given.choice("environmentClass", "development", ENVIRONMENT_CLASSES),
            project=given.text("project", "postgresql-database", _TAG_VALUE, _TAG_VALUE_RULE),
            owner=given.text("owner", "database-team", _TAG_VALUE, _TAG_VALUE_RULE),
            cost_center=given.text("costCenter", "database", _TAG_VALUE, _TAG_VALUE_RULE),
            engine_version=given.text(
                "engineVersion", "15.17", _ENGINE_VERSION, "give major.minor of PostgreSQL as text, such as 15.17"
            ),
            instance_class=given.instance_class("instanceClass", "db.r6g.large"),
            multi_az=given.truth("multiAz", default=True),
            allocated_storage_gib=given.number("allocatedStorage", 200, _STORAGE_GIB, _STORAGE_RULE),
            max_allocated_storage_gib=given.number("maxAllocatedStorage", 1000, _STORAGE_GIB, _STORAGE_RULE),
            iops=given.number("iops", None, _IOPS, "give 12000 to 64000, or leave it out"),
            storage_throughput_mibps=given.number(
                "storageThroughput", None, _THROUGHPUT_MIBPS, "give 500 to 4000 MiB/s, or leave it out"
            ),
            backup_retention_days=given.number("backupRetentionDays", 7, range(36), "give 0 to 35 days"),
            backup_window=given.text(
                "backupWindow", "07:00-08:00", _BACKUP_WINDOW, "give hh:mm-hh:mm in UTC, such as 07:00-08:00"
            ),
            maintenance_window=given.text(
                "maintenanceWindow",
                "sun:08:30-sun:09:30",
                _MAINTENANCE_WINDOW,
                "give ddd:hh:mm-ddd:hh:mm in UTC and lower case, such as sun:08:30-sun:09:30",
            ),
            log_retention_days=given.number(
                "logRetentionDays", 365, LOG_RETENTION_DAYS, f"give one of {_listed(LOG_RETENTION_DAYS)}"
            ),
            monitoring_interval_seconds=given.number(
                "monitoringInterval", 60, MONITORING_INTERVALS, f"give one of {_listed(MONITORING_INTERVALS)} seconds"
            ),
            vpc_cidr=given.private_range("vpcCidr", "10.0.0.0/16"),
            availability_zones=zones,
            nat_gateways=given.number(
                "natGateways", len(zones), range(len(zones) + 1), f"give 0 to {len(zones)}: one for each zone at most"
            ),
            alarm_email=given.text("alarmEmail", None, _EMAIL, "give one e-mail address, or leave it out"),
        )
        _check_subnets(settings, given)
        _check_storage(settings, given)
        _check_windows(settings, given)
        return settings


@dataclass(frozen=True, slots=True)
class _Given:
    """What the user gave. Each method reads one setting, or raises ``SettingsError``."""

    context: Mapping[str, object]
    environment: Mapping[str, str]

    def text(self, setting: str, default: _Default, pattern: re.Pattern[str], allowed: str) -> str | _Default:
        value = self._find(setting)
        if value is None:
            return default
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise self.refusal(setting, value, allowed)
        return value

    def choice(self, setting: str, default: str, choices: Sequence[str]) -> str:
        return self.text(setting, default, re.compile("|".join(choices)), f"give one of {_listed(choices)}")

    def number(self, setting: str, default: _Default, allowed: Container[int], described: str) -> int | _Default:
        value = self._find(setting)
        if value is None:
            return default
        number = int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
        # Python counts True as the number 1.
        if not isinstance(number, int) or isinstance(number, bool) or number not in allowed:
            raise self.refusal(setting, value, described)
        return number

    def truth(self, setting: str, *, default: bool) -> bool:
        value = self._find(setting)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if value not in ("true", "false"):
            raise self.refusal(setting, value, "give true or false")
        return value == "true"

    def zones(self, setting: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self._find(setting)
        if value is None:
            return default
        zones = value.split(",") if isinstance(value, str) else value
        if not isinstance(zones, list) or not all(isinstance(zone, str) and _ZONE.fullmatch(zone) for zone in zones):
            raise self.refusal(
                setting, value, "give zones of us-east-1 with commas between, such as us-east-1a,us-east-1b"
            )
        if len(zones) < _FEWEST_ZONES or len(set(zones)) < len(zones):
            raise self.refusal(setting, value, "give two zones or more, each once: a DB subnet group needs two")
        return tuple(zones)

    def instance_class(self, setting: str, default: str) -> InstanceClass:
        value = self._find(setting)
        try:
            return InstanceClass.parse(default if value is None else str(value))
        except ValueError:
            raise self.refusal(setting, value, "give a DB instance class, such as db.r6g.large") from None

    def private_range(self, setting: str, default: str) -> str:
        value = self._find(setting)
        if value is None:
            return default
        if not isinstance(value, str) or not _is_private_range(value):
            raise self.refusal(
                setting, value, "give the first address and the prefix of a private range, /16 to /28: 10.0.0.0/16"
            )
        return value

    def refusal(self, setting: str, value: object, allowed: str) -> SettingsError:
        shown = repr(value)
        if len(shown) > _LONGEST_SHOWN:
            shown = f"{shown[:_LONGEST_SHOWN]}…"
        if self.context.get(setting) is not None:
            source = ""
        elif _variable(setting) in self.environment:
            source = f" (from {_variable(setting)})"
        else:
            source = " (the default)"
        return SettingsError(f"{setting}: {shown}{source} is refused; {allowed}")

    def _find(self, setting: str) -> object:
        value = self.context.get(setting)
        return self.environment.get(_variable(setting)) if value is None else value


def _check_subnets(settings: Settings, given: _Given) -> None:
    too_small = settings.subnet_prefix - _SMALLEST_SUBNET_PREFIX
    if too_small > 0:
        subnets = 2 * len(settings.availability_zones)
        largest = _prefix(settings.vpc_cidr) - too_small
        raise given.refusal(
            "vpcCidr",
            settings.vpc_cidr,
            f"{subnets} subnets of /28, the smallest that AWS makes, do not fit; give /{largest} or larger",
        )


def _check_storage(settings: Settings, given: _Given) -> None:
    allocated = settings.allocated_storage_gib
    # "Managing capacity automatically with Amazon RDS storage autoscaling", RDS User Guide: 10 % more at least.
    if settings.max_allocated_storage_gib * 10 < allocated * 11:
        raise given.refusal(
            "maxAllocatedStorage",
            settings.max_allocated_storage_gib,
            f"give at least 10 % more than the allocated storage of {allocated} GiB",
        )
    for setting, value in (("iops", settings.iops), ("storageThroughput", settings.storage_throughput_mibps)):
        if value is not None and allocated < _PROVISIONED_FROM_GIB:
            raise given.refusal(
                setting, value, f"gp3 takes it from {_PROVISIONED_FROM_GIB} GiB on, not with {allocated}; leave it out"
            )
    throughput = settings.storage_throughput_mibps
    most_throughput = (settings.iops or _IOPS.start) // _IOPS_FOR_EACH_MIBPS
    if throughput is not None and throughput > most_throughput:
        raise given.refusal(
            "storageThroughput",
            throughput,
            f"give at most {most_throughput} MiB/s, or more iops: gp3 needs {_IOPS_FOR_EACH_MIBPS} for each MiB/s",
        )


def _check_windows(settings: Settings, given: _Given) -> None:
    backup_start, backup_minutes = _window(settings.backup_window, _MINUTES_A_DAY)
    if backup_minutes < _SHORTEST_WINDOW:
        raise given.refusal("backupWindow", settings.backup_window, "give 30 minutes or more")
    start, minutes = _window(settings.maintenance_window, _MINUTES_A_WEEK)
    if minutes < _SHORTEST_WINDOW:
        raise given.refusal("maintenanceWindow", settings.maintenance_window, "give 30 minutes or more")
    # A backup may begin on the day before and a maintenance window may end in the week after.
    backups = range(backup_start - _MINUTES_A_DAY, 2 * _MINUTES_A_WEEK, _MINUTES_A_DAY)
    if any(backup < start + minutes and start < backup + backup_minutes for backup in backups):
        raise given.refusal(
            "maintenanceWindow",
            settings.maintenance_window,
            f"give a window that does not overlap the backup window {settings.backup_window}",
        )


def _window(text: str, cycle: int) -> tuple[int, int]:
    """Return start and length in minutes of a window that comes again after ``cycle`` minutes."""
    start, end = (_minutes(moment) for moment in text.split("-"))
    return start, (end - start) % cycle


def _minutes(moment: str) -> int:
    """Return the minutes of ``hh:mm`` since midnight, or of ``ddd:hh:mm`` since Monday's midnight."""
    *day, hour, minute = moment.split(":")
    return sum(_DAYS.index(name) for name in day) * _MINUTES_A_DAY + int(hour) * 60 + int(minute)


def _is_private_range(text: str) -> bool:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError:
        return False
    return (
        str(network) == text
        and _LARGEST_VPC_PREFIX <= network.prefixlen <= _SMALLEST_SUBNET_PREFIX
        and any(network.subnet_of(private) for private in _PRIVATE_RANGES)
    )


def _prefix(cidr: str) -> int:
    return int(cidr.partition("/")[2])


def _variable(setting: str) -> str:
    """Return the environment variable of a setting: ``VPC_CIDR`` for ``vpcCidr``."""
    return re.sub(r"([A-Z])", r"_\1", setting).upper()


def _listed(choices: Sequence[object]) -> str:
    return ", ".join(str(choice) for choice in choices)
