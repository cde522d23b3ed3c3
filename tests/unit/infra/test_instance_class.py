import pytest

from infra.instance_class import InstanceClass


@pytest.mark.parametrize(
    ("name", "gib"),
    [
        ("db.t3.micro", 1),
        ("db.t4g.small", 2),
        ("db.t4g.medium", 4),
        ("db.c6gd.medium", 2),
        ("db.m6g.large", 8),
        ("db.r6g.large", 16),
        ("db.r7i.xlarge", 32),
        ("db.r8g.48xlarge", 1536),
        ("db.z1d.3xlarge", 96),
        ("db.x2g.large", 32),
        ("db.x2iedn.xlarge", 128),
        ("db.x2idn.16xlarge", 1024),
    ],
)
def test_memory_follows_from_the_name(name: str, gib: int) -> None:
    assert InstanceClass.parse(name) == InstanceClass(name=name, memory=gib * 1024**3)


@pytest.mark.parametrize(
    ("name", "connections"), [("db.t3.micro", 112), ("db.r6g.large", 1802), ("db.r6g.2xlarge", 5000)]
)
def test_connections_follow_from_the_memory_up_to_5000(name: str, connections: int) -> None:
    assert InstanceClass.parse(name).max_connections == connections


@pytest.mark.parametrize(
    "text",
    [
        "",
        "r6g.large",
        "db.r6g",
        "db.r6g.huge",
        "db.r6g.0xlarge",
        "db.r6g.1000xlarge",
        "db.R6G.large",
        "db.q6g.large",
        "db.r.large",
        "db.r6g.large\n",
        "db.serverless",
    ],
)
def test_text_that_names_no_class_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names no DB instance class"):
        InstanceClass.parse(text)
