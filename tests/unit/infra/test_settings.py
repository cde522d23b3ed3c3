import dataclasses
import re

import pytest

from infra.instance_class import GIB, InstanceClass
from infra.settings import LOG_RETENTION_DAYS, NAMES, Settings, SettingsError
from policies.rules import ALL_RULES

DEFAULTS = Settings(
    environment_suffix="dev",
    environment_class="development",
    project="postgresql-database",
    owner="database-team",
    cost_center="database",
    engine_version="15.17",
    instance_class=InstanceClass(name="db.r6g.large", memory=16 * GIB),
    multi_az=True,
    allocated_storage_gib=200,
    max_allocated_storage_gib=1000,
    iops=None,
    storage_throughput_mibps=None,
    backup_retention_days=7,
    backup_window="07:00-08:00",
    maintenance_window="sun:08:30-sun:09:30",
    log_retention_days=365,
    monitoring_interval_seconds=60,
    vpc_cidr="10.0.0.0/16",
    availability_zones=("us-east-1a", "us-east-1b"),
    nat_gateways=2,
    alarm_email=None,
)


def test_defaults() -> None:
    assert Settings.read({}, {}) == DEFAULTS


def test_the_names_are_those_that_are_read() -> None:
    asked: list[str] = []

    class Context(dict[str, object]):
        def get(self, key: str, default: object = None) -> object:
            asked.append(key)
            return super().get(key, default)

    Settings.read(Context(), {})
    assert set(asked) == set(NAMES)
    assert len(NAMES) == len(dataclasses.fields(Settings))


def test_each_setting_that_a_rule_tells_to_change_exists() -> None:
    named = {name for rule in ALL_RULES for name in re.findall(r"\(setting (\w+)", rule.fix)}
    assert "monitoringInterval" in named
    assert named <= set(NAMES)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULTS.multi_az = False  # type: ignore[misc] # this is what must fail


@pytest.mark.parametrize(
    ("setting", "variable", "given", "field", "expected"),
    [
        ("environmentSuffix", "ENVIRONMENT_SUFFIX", "pr42", "environment_suffix", "pr42"),
        ("environmentClass", "ENVIRONMENT_CLASS", "production", "environment_class", "production"),
        ("project", "PROJECT", "Card payments", "project", "Card payments"),
        ("owner", "OWNER", "zahlungen+büro@example.com", "owner", "zahlungen+büro@example.com"),
        ("costCenter", "COST_CENTER", "4711", "cost_center", "4711"),
        ("engineVersion", "ENGINE_VERSION", "15.18", "engine_version", "15.18"),
        (
            "instanceClass",
            "INSTANCE_CLASS",
            "db.r7g.xlarge",
            "instance_class",
            InstanceClass(name="db.r7g.xlarge", memory=32 * GIB),
        ),
        ("multiAz", "MULTI_AZ", "true", "multi_az", True),
        ("allocatedStorage", "ALLOCATED_STORAGE", "20", "allocated_storage_gib", 20),
        ("maxAllocatedStorage", "MAX_ALLOCATED_STORAGE", "220", "max_allocated_storage_gib", 220),
        ("backupRetentionDays", "BACKUP_RETENTION_DAYS", "35", "backup_retention_days", 35),
        ("backupWindow", "BACKUP_WINDOW", "23:45-00:15", "backup_window", "23:45-00:15"),
        ("maintenanceWindow", "MAINTENANCE_WINDOW", "sun:23:45-mon:01:00", "maintenance_window", "sun:23:45-mon:01:00"),
        ("logRetentionDays", "LOG_RETENTION_DAYS", "3653", "log_retention_days", 3653),
        ("monitoringInterval", "MONITORING_INTERVAL", "1", "monitoring_interval_seconds", 1),
        ("vpcCidr", "VPC_CIDR", "192.168.4.0/26", "vpc_cidr", "192.168.4.0/26"),
        (
            "availabilityZones",
            "AVAILABILITY_ZONES",
            "us-east-1f,us-east-1b,us-east-1d",
            "availability_zones",
            ("us-east-1f", "us-east-1b", "us-east-1d"),
        ),
        ("natGateways", "NAT_GATEWAYS", "1", "nat_gateways", 1),
        ("alarmEmail", "ALARM_EMAIL", "dba+page@bank.example.com", "alarm_email", "dba+page@bank.example.com"),
    ],
)
def test_setting_comes_from_context_or_environment(
    setting: str, variable: str, given: str, field: str, expected: object
) -> None:
    assert getattr(Settings.read({setting: given}, {}), field) == expected
    assert getattr(Settings.read({}, {variable: given}), field) == expected


def test_context_goes_before_environment() -> None:
    read = Settings.read({"environmentSuffix": "ctx"}, {"ENVIRONMENT_SUFFIX": "env", "OWNER": "operations"})
    assert (read.environment_suffix, read.owner) == ("ctx", "operations")


def test_null_in_the_context_is_nothing_given() -> None:
    assert Settings.read({"owner": None}, {"OWNER": "operations"}).owner == "operations"


def test_settings_of_others_are_none_of_ours() -> None:
    assert Settings.read({"@aws-cdk/core:newStyleStackSynthesis": True}, {"PATH": "/bin"}) == DEFAULTS


@pytest.mark.parametrize(
    ("setting", "given", "field", "expected"),
    [
        ("multiAz", False, "multi_az", False),
        ("multiAz", "false", "multi_az", False),
        ("allocatedStorage", 300, "allocated_storage_gib", 300),
        ("availabilityZones", ["us-east-1c", "us-east-1d"], "availability_zones", ("us-east-1c", "us-east-1d")),
        ("natGateways", 0, "nat_gateways", 0),
    ],
)
def test_context_may_be_of_json_types(setting: str, given: object, field: str, expected: object) -> None:
    assert getattr(Settings.read({setting: given}, {}), field) == expected


@pytest.mark.parametrize(
    ("setting", "given"),
    [
        ("instanceClass", "db.t3.micro"),
        ("engineVersion", "14.20"),
        ("engineVersion", "15.10"),
        ("multiAz", "false"),
        ("backupRetentionDays", "0"),
        ("backupRetentionDays", "1"),
        ("logRetentionDays", "7"),
        ("monitoringInterval", "0"),
        ("natGateways", "0"),
    ],
)
def test_setting_that_only_a_requirement_forbids_is_accepted(setting: str, given: str) -> None:
    assert Settings.read({setting: given}, {}) != DEFAULTS


@pytest.mark.parametrize("suffix", ["ab", "a1", "abcdefghij0123456789", "production"])
def test_suffix_of_letters_and_digits_is_accepted(suffix: str) -> None:
    assert Settings.read({"environmentSuffix": suffix}, {}).environment_suffix == suffix


@pytest.mark.parametrize(
    ("setting", "given"),
    [
        *(
            ("environmentSuffix", suffix)
            for suffix in (
                *("", "d", "DEV", "Dev", "-dev", "dev-", "a-b", "1dev", "a" * 21, "a" * 60, "dev;rm", "dév", "dev\n"),
                *(" dev", "d v", "dev٣", "de\0v", "${HOME}", 42, True, ["dev"]),
            )
        ),
        *(("environmentClass", value) for value in ("", "prod", "Production", "development|staging", 1)),
        *(("project", value) for value in ("", " ", " x", "x ", "a" * 257, "a\nb", "50 %", "aws:x", "AWS:x", 7)),
        *(("owner", value) for value in ("", "a,b", "<x>")),
        *(("costCenter", value) for value in ("", "a;b", 4711)),
        *(("engineVersion", value) for value in ("", "15", "15.", "9.6", "15.17.1", "15.x", "15.17\n", 15.17)),
        *(("instanceClass", value) for value in ("", "large", "db.r6g.huge", "db.r6g.large ", 6, ["db.r6g.large"])),
        *(("multiAz", value) for value in ("", "yes", "True", "1", 1, 0, ["true"])),
        *(("allocatedStorage", value) for value in ("", "19", "65537", "-1", "1e2", "0200", "200.0", "9" * 5000)),
        *(("allocatedStorage", value) for value in (19, 200.0, True, "٢٠٠", " 200")),
        *(("maxAllocatedStorage", value) for value in ("", "65537", "x")),
        *(("iops", value) for value in ("", "11999", "64001", "3000")),
        *(("storageThroughput", value) for value in ("", "499", "4001")),
        *(("backupRetentionDays", value) for value in ("", "-1", "36", "7 days")),
        *(
            ("backupWindow", value)
            for value in ("", "7:00-8:00", "24:00-24:30", "07:00-07:29", "07:00-07:00", "07:60-08:30")
        ),
        *(
            ("maintenanceWindow", value)
            for value in (
                "",
                "sun:09:00",
                "Sun:09:00-Sun:10:00",
                "son:09:00-son:10:00",
                "sun:09:00-sun:09:29",
                "09:00-10:00",
            )
        ),
        *(("logRetentionDays", value) for value in ("", "0", "2", "366", "10000", "-7")),
        *(("monitoringInterval", value) for value in ("", "45", "-1", "61", True)),
        *(
            ("vpcCidr", value)
            for value in (
                *("", "10.0.0.0", "10.0.0.0/15", "10.0.0.0/29", "10.0.0.1/16", "10.0.0.0/255.255.0.0", "10.0.0.0/016"),
                *("8.8.0.0/16", "172.32.0.0/16", "100.64.0.0/16", "fd00::/64", "10.0.0.0/16 ", 10, "010.0.0.0/16"),
            )
        ),
        *(
            ("availabilityZones", value)
            for value in (
                *("", "us-east-1a", "us-east-1a,us-east-1a", "us-east-1a, us-east-1b", "us-east-1a,us-west-2a"),
                *("us-east-1a,us-east-1z", "us-east-1a,", [], ["us-east-1a"], ["us-east-1a", 2], {"a": "b"}, 2),
            )
        ),
        *(("natGateways", value) for value in ("", "3", "-1", "all")),
        *(
            ("alarmEmail", value)
            for value in (
                "",
                "dba",
                "dba@bank",
                "@bank.example.com",
                "a b@bank.example.com",
                "a@b@example.com",
                "a@example..com",
            )
        ),
        *(
            ("alarmEmail", value)
            for value in ("dba@bank.example.com\n", "a,b@example.com", "a" * 65 + "@example.com", 1)
        ),
    ],
)
def test_setting_out_of_range_is_refused_in_one_line(setting: str, given: object) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.read({setting: given}, {})
    assert str(refusal.value).startswith(f"{setting}: ")
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"iops": 12000, "allocatedStorage": 100},
            "iops: 12000 is refused; gp3 takes it from 400 GiB on, not with 100",
        ),
        (
            {"storageThroughput": 500, "allocatedStorage": 399},
            "storageThroughput: 500 is refused; gp3 takes it from 400",
        ),
        ({"allocatedStorage": 400, "storageThroughput": 3001}, "storageThroughput: 3001 is refused; give at most 3000"),
        (
            {"allocatedStorage": 400, "storageThroughput": 4000, "iops": 15999},
            "storageThroughput: 4000 is refused; give at most 3999 MiB/s, or more iops: gp3 needs 4 for each MiB/s",
        ),
        (
            {"maxAllocatedStorage": 150},
            "maxAllocatedStorage: 150 is refused; give at least 10 % more than the allocated storage of 200 GiB",
        ),
        ({"maxAllocatedStorage": 219}, "maxAllocatedStorage: 219 is refused"),
        ({"allocatedStorage": 910}, "maxAllocatedStorage: 1000 (the default) is refused; give at least 10 % more"),
        (
            {"vpcCidr": "10.0.0.0/27"},
            "vpcCidr: '10.0.0.0/27' is refused; 4 subnets of /28, the smallest that AWS makes",
        ),
        (
            {"vpcCidr": "10.0.0.0/26", "availabilityZones": "us-east-1a,us-east-1b,us-east-1c"},
            "vpcCidr: '10.0.0.0/26' is refused; 6 subnets of /28, the smallest that AWS makes, do not fit; give /25",
        ),
        (
            {"natGateways": 4, "availabilityZones": "us-east-1a,us-east-1b,us-east-1c"},
            "natGateways: 4 is refused; give 0",
        ),
        (
            {"backupWindow": "08:00-09:00"},
            "maintenanceWindow: 'sun:08:30-sun:09:30' (the default) is refused; give a window that does not overlap",
        ),
        ({"maintenanceWindow": "mon:07:59-mon:08:30"}, "maintenanceWindow: 'mon:07:59-mon:08:30' is refused"),
        ({"maintenanceWindow": "sun:23:00-mon:07:01"}, "maintenanceWindow: 'sun:23:00-mon:07:01' is refused"),
        ({"maintenanceWindow": "mon:09:00-tue:09:00"}, "maintenanceWindow: 'mon:09:00-tue:09:00' is refused"),
        (
            {"backupWindow": "23:30-00:30", "maintenanceWindow": "mon:00:00-mon:01:00"},
            "maintenanceWindow: 'mon:00:00-mon:01:00' is refused",
        ),
        (
            {"backupWindow": "23:30-00:30", "maintenanceWindow": "sun:23:00-sun:23:31"},
            "maintenanceWindow: 'sun:23:00-sun:23:31' is refused",
        ),
    ],
)
def test_settings_that_aws_refuses_together_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.read(given, {})
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(
    "given",
    [
        {"allocatedStorage": 400, "iops": 12000, "storageThroughput": 3000},
        {"allocatedStorage": 400, "iops": 16000, "storageThroughput": 4000},
        {"allocatedStorage": 400, "storageThroughput": 500},
        {"maxAllocatedStorage": 220},
        {"allocatedStorage": 59578, "maxAllocatedStorage": 65536},
        {"vpcCidr": "10.0.0.0/26"},
        {"vpcCidr": "172.31.255.0/25", "availabilityZones": "us-east-1a,us-east-1b,us-east-1c"},
        {"backupWindow": "07:30-08:30"},
        {"backupWindow": "23:30-00:30", "maintenanceWindow": "mon:00:30-mon:01:00"},
        {"backupWindow": "23:30-00:30", "maintenanceWindow": "sun:22:30-sun:23:30"},
    ],
)
def test_settings_that_just_fit_are_accepted(given: dict[str, object]) -> None:
    assert Settings.read(given, {}) != DEFAULTS


@pytest.mark.parametrize(
    ("cidr", "zones", "prefix"),
    [
        ("10.0.0.0/16", "us-east-1a,us-east-1b", 18),
        ("10.0.0.0/26", "us-east-1a,us-east-1b", 28),
        ("10.0.0.0/16", "us-east-1a,us-east-1b,us-east-1c", 19),
        ("10.0.0.0/16", "us-east-1a,us-east-1b,us-east-1c,us-east-1d", 19),
        ("10.0.0.0/16", "us-east-1a,us-east-1b,us-east-1c,us-east-1d,us-east-1e", 20),
    ],
)
def test_subnets_share_the_range(cidr: str, zones: str, prefix: int) -> None:
    assert Settings.read({"vpcCidr": cidr, "availabilityZones": zones}, {}).subnet_prefix == prefix


def test_refusal_names_the_environment_variable() -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.read({}, {"ENVIRONMENT_SUFFIX": ""})
    assert str(refusal.value) == (
        "environmentSuffix: '' (from ENVIRONMENT_SUFFIX) is refused; "
        "give 2 to 20 lower-case ASCII letters and digits, a letter first, no hyphen"
    )


def test_refusal_cuts_what_is_too_long_to_read() -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.read({"environmentClass": "x" * 10_000}, {})
    assert str(refusal.value) == (
        f"environmentClass: '{'x' * 79}… is refused; give one of development, staging, production"
    )


@pytest.mark.parametrize("days", LOG_RETENTION_DAYS)
def test_every_retention_of_cloudwatch_is_accepted(days: int) -> None:
    assert Settings.read({"logRetentionDays": days}, {}).log_retention_days == days
