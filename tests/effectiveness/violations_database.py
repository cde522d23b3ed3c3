"""Violations of the requirements on the database itself and on its credentials."""

from collections.abc import Iterator
from typing import Any, Final

from tests.effectiveness.case import Kind, Violation
from tests.effectiveness.changes import (
    DATABASE,
    PARAMETERS,
    PRIVATE_1,
    Draft,
    Value,
    add,
    append,
    by_condition,
    by_import,
    by_mapping,
    by_parameter,
    condition,
    drop,
    from_parameter_store,
    in_second_database,
    nested,
    put,
    put_attribute,
    put_section,
    put_top,
    remove,
    rename,
    second,
    together,
)

KEY_ARN: Final = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def hidden(requirement: str, noun: str, key: str, path: str, good: Value, bad: Value) -> Iterator[Violation]:
    """The ways to leave a property to whoever deploys, or to write its bad value elsewhere."""
    yield Violation(
        requirement,
        f"{noun}-by-parameter",
        Kind.PARAMETER,
        f"{path} comes from a parameter whose default is good",
        by_parameter(key, path, good),
    )
    yield Violation(
        requirement,
        f"{noun}-by-condition",
        Kind.CONDITION,
        f"{path} is good only where a condition holds",
        by_condition(key, path, good, bad),
    )
    yield Violation(
        requirement,
        f"{noun}-by-mapping",
        Kind.MAPPING,
        f"{path} is looked up in a mapping, which holds a bad value",
        by_mapping(key, path, bad),
    )
    yield Violation(
        requirement,
        f"{noun}-by-import",
        Kind.IMPORT,
        f"{path} is what another stack exports",
        by_import(key, path),
    )


def in_databases(requirement: str, noun: str, path: str, bad: Any) -> Iterator[Violation]:
    """The same bad value in databases beside the first."""
    yield Violation(
        requirement,
        f"{noun}-in-second-database",
        Kind.SECOND,
        f"a second, otherwise complete database has a bad {path}",
        in_second_database(DATABASE, path, bad),
    )
    yield Violation(
        requirement,
        f"{noun}-in-nested-stack",
        Kind.NESTED,
        f"a nested stack holds a database with a bad {path}",
        nested("Inner", put(DATABASE, path, bad) if bad is not None else drop(DATABASE, path)),
    )


def cluster(engine: str) -> Any:
    return {"Engine": engine, "DBClusterIdentifier": "cluster-dev", "ManageMasterUserPassword": True, "Tags": "cost"}


def as_master_password(value: Value) -> Any:
    return together(drop(DATABASE, "ManageMasterUserPassword"), put(DATABASE, "MasterUserPassword", value))


def as_yaml_number(draft: Draft) -> None:
    """Version 15.10 without quotes is the number 15.1."""
    draft.of(DATABASE)["EngineVersion"] = 15.1


def function(environment: dict[str, str]) -> Any:
    return lambda draft: {
        "FunctionName": "report-function-dev",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Code": {"ZipFile": "def handler(event, context): pass"},
        "Role": draft.attribute("FlowLogRole", "Arn"),
        "LoggingConfig": {"LogGroup": draft.ref("FlowLogLogGroup")},
        "Environment": {"Variables": environment},
        "Tags": draft.tags,
    }


def fetched_password(draft: Draft) -> str:
    """For `Fn::Sub`: the password in the master secret, fetched while deploying."""
    secret = f"${{{draft.id(DATABASE)}.MasterUserSecret.SecretArn}}"
    return f"{{{{resolve:secretsmanager:{secret}:SecretString:password}}}}"


def parameter_in_store(name: str, value: Value) -> Any:
    return lambda draft: {
        "Name": name,
        "Type": "String",
        "Value": value(draft) if callable(value) else value,
        "Tags": {tag["Key"]: tag["Value"] for tag in draft.tags},
    }


VIOLATIONS: Final[tuple[Violation, ...]] = (
    # DB-01
    Violation("DB-01", "no-database", Kind.REMOVED, "the stack has no database", remove(DATABASE)),
    Violation("DB-01", "database-is-mysql", Kind.FLIPPED, "the database is MySQL", put(DATABASE, "Engine", "mysql")),
    Violation(
        "DB-01",
        "aurora-cluster",
        Kind.SECOND,
        "an Aurora PostgreSQL cluster stands beside the database",
        add("Cluster", "AWS::RDS::DBCluster", cluster("aurora-postgresql"), DeletionPolicy="Delete"),
    ),
    Violation(
        "DB-01",
        "multi-az-cluster",
        Kind.SECOND,
        "a Multi-AZ DB cluster of engine postgres stands beside the database",
        add("Cluster", "AWS::RDS::DBCluster", cluster("postgres"), DeletionPolicy="Delete"),
    ),
    Violation(
        "DB-01",
        "second-database-is-mariadb",
        Kind.SECOND,
        "a second database is MariaDB",
        in_second_database(DATABASE, "Engine", "mariadb"),
    ),
    Violation(
        "DB-01",
        "document-database",
        Kind.SECOND,
        "a DocumentDB cluster stands beside the database",
        add("Documents", "AWS::DocDB::DBCluster", {"DBClusterIdentifier": "documents-dev", "Tags": "cost"}),
    ),
    Violation(
        "DB-01",
        "redshift-cluster",
        Kind.SECOND,
        "a Redshift cluster stands beside the database",
        add(
            "Warehouse",
            "AWS::Redshift::Cluster",
            {
                "ClusterIdentifier": "warehouse-dev",
                "ClusterType": "single-node",
                "NodeType": "ra3.large",
                "Tags": "cost",
            },
        ),
    ),
    Violation(
        "DB-01",
        "distributed-sql-cluster",
        Kind.SECOND,
        "an Aurora DSQL cluster stands beside the database",
        add("Distributed", "AWS::DSQL::Cluster", {"DeletionProtectionEnabled": False, "Tags": "cost"}),
    ),
    Violation(
        "DB-01",
        "nested-database-is-oracle",
        Kind.NESTED,
        "a nested stack holds an Oracle database",
        nested("Inner", put(DATABASE, "Engine", "oracle-se2")),
    ),
    Violation(
        "DB-01",
        "database-under-condition",
        Kind.CONDITION,
        "the database is created only where a condition holds",
        together(condition(), put_attribute(DATABASE, "Condition", "Important")),
    ),
    Violation(
        "DB-01",
        "stack-in-ireland",
        Kind.ASSEMBLY,
        "the stack is bound to eu-west-1",
        lambda draft: setattr(draft, "region", "eu-west-1"),
    ),
    Violation(
        "DB-01",
        "stack-without-region",
        Kind.ASSEMBLY,
        "the stack is bound to no region, so that the profile of whoever deploys decides",
        lambda draft: setattr(draft, "region", None),
    ),
    Violation(
        "DB-01",
        "zone-of-another-region",
        Kind.OVERRIDE,
        "a subnet lies in a zone of us-west-2",
        put(PRIVATE_1, "AvailabilityZone", "us-west-2a"),
    ),
    Violation(
        "DB-01",
        "service-of-another-region",
        Kind.OVERRIDE,
        "the secret endpoint is for the service of eu-west-1",
        put("SecretEndpoint", "ServiceName", "com.amazonaws.eu-west-1.secretsmanager"),
    ),
    Violation(
        "DB-01",
        "template-from-elsewhere",
        Kind.NESTED,
        "a nested stack is deployed from a template that is not part of the assembly",
        add(
            "Elsewhere",
            "AWS::CloudFormation::Stack",
            {"TemplateURL": "https://templates.s3.amazonaws.com/database.yaml", "Tags": "cost"},
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        ),
    ),
    Violation(
        "DB-01",
        "macro",
        Kind.OVERRIDE,
        "a macro rewrites the template before it is deployed",
        put_top("Transform", "CompanyDefaults"),
    ),
    Violation(
        "DB-01",
        "engine-by-parameter",
        Kind.PARAMETER,
        "the engine comes from a parameter",
        by_parameter(DATABASE, "Engine", "postgres"),
    ),
    Violation(
        "DB-01",
        "stack-set",
        Kind.SECOND,
        "a stack set deploys whatever its template says, in other regions too",
        add("Set", "AWS::CloudFormation::StackSet", {"StackSetName": "set-dev", "PermissionModel": "SELF_MANAGED"}),
    ),
    # DB-02
    Violation("DB-02", "multi-az-is-false", Kind.FLIPPED, "MultiAZ is false", put(DATABASE, "MultiAZ", False)),
    Violation("DB-02", "multi-az-is-text", Kind.STRING, 'MultiAZ is "false"', put(DATABASE, "MultiAZ", "false")),
    Violation("DB-02", "multi-az-is-left-out", Kind.REMOVED, "MultiAZ is not stated", drop(DATABASE, "MultiAZ")),
    Violation(
        "DB-02",
        "multi-az-misspelt",
        Kind.SPELLING,
        "MultiAZ is written MultiAz",
        rename(DATABASE, "MultiAZ", "MultiAz"),
    ),
    Violation(
        "DB-02",
        "multi-az-is-nothing",
        Kind.REMOVED,
        "MultiAZ is AWS::NoValue",
        put(DATABASE, "MultiAZ", {"Ref": "AWS::NoValue"}),
    ),
    Violation(
        "DB-02",
        "single-zone-replica",
        Kind.SECOND,
        "a read replica stands in one zone",
        second(
            DATABASE,
            "Replica",
            DBInstanceIdentifier="replica-dev",
            SourceDBInstanceIdentifier=lambda draft: draft.ref(DATABASE),
            MultiAZ=False,
            ManageMasterUserPassword=None,
            MasterUsername=None,
        ),
    ),
    *hidden("DB-02", "multi-az", DATABASE, "MultiAZ", True, False),
    *in_databases("DB-02", "multi-az", "MultiAZ", False),
    # DB-03
    *(
        Violation(
            "DB-03",
            f"class-is-{name}",
            Kind.WEAKENED,
            f"the class is {name}: {why}",
            put(DATABASE, "DBInstanceClass", name),
        )
        for name, why in (
            ("db.t3.large", "burstable"),
            ("db.t4g.2xlarge", "burstable, if large"),
            ("db.m6g.large", "general purpose"),
            ("db.m7g.16xlarge", "general purpose, if huge"),
            ("db.r5.24xlarge", "an older family, if huge"),
            ("db.r5b.2xlarge", "an older family"),
            ("db.r4.large", "a much older family"),
            ("db.x1e.xlarge", "memory-optimised, but older"),
            ("db.z1d.large", "memory-optimised, but of the first generation"),
            ("db.r6g.medium", "too small"),
            ("db.r99z.large", "nobody knows that family"),
            ("db.serverless", "no class with a size"),
            ("r6g.large", "a class of EC2, not of RDS"),
            ("db.c6gd.large", "optimised for computing"),
        )
    ),
    Violation("DB-03", "class-is-left-out", Kind.REMOVED, "no class is stated", drop(DATABASE, "DBInstanceClass")),
    Violation(
        "DB-03",
        "class-by-stated-parameter",
        Kind.PARAMETER,
        "the class is one of a parameter's allowed values, one of them too small",
        together(
            put_section(
                "Parameters",
                "Class",
                {"Type": "String", "Default": "db.r6g.large", "AllowedValues": ["db.r6g.large", "db.t4g.medium"]},
            ),
            put(DATABASE, "DBInstanceClass", {"Ref": "Class"}),
        ),
    ),
    *hidden("DB-03", "class", DATABASE, "DBInstanceClass", "db.r6g.large", "db.t4g.micro"),
    *in_databases("DB-03", "class", "DBInstanceClass", "db.m6i.large"),
    # DB-04
    Violation("DB-04", "backups-off", Kind.FLIPPED, "no backups are kept", put(DATABASE, "BackupRetentionPeriod", 0)),
    Violation("DB-04", "backups-six-days", Kind.WEAKENED, "six days", put(DATABASE, "BackupRetentionPeriod", 6)),
    Violation("DB-04", "backups-one-day", Kind.WEAKENED, "one day", put(DATABASE, "BackupRetentionPeriod", 1)),
    Violation(
        "DB-04", "backups-five-as-text", Kind.STRING, "five days, as text", put(DATABASE, "BackupRetentionPeriod", "5")
    ),
    Violation(
        "DB-04",
        "backups-left-out",
        Kind.REMOVED,
        "the retention is not stated, so that RDS keeps one day",
        drop(DATABASE, "BackupRetentionPeriod"),
    ),
    Violation(
        "DB-04",
        "backups-misspelt",
        Kind.SPELLING,
        "BackupRetentionPeriod is written BackupRetention",
        rename(DATABASE, "BackupRetentionPeriod", "BackupRetention"),
    ),
    Violation(
        "DB-04",
        "backups-by-parameter-store",
        Kind.IMPORT,
        "the retention comes from Parameter Store",
        from_parameter_store(DATABASE, "BackupRetentionPeriod"),
    ),
    *hidden("DB-04", "backups", DATABASE, "BackupRetentionPeriod", 7, 3),
    *in_databases("DB-04", "backups", "BackupRetentionPeriod", 1),
    # DB-05
    Violation(
        "DB-05", "not-encrypted", Kind.FLIPPED, "StorageEncrypted is false", put(DATABASE, "StorageEncrypted", False)
    ),
    Violation(
        "DB-05",
        "not-encrypted-as-text",
        Kind.STRING,
        'StorageEncrypted is "false"',
        put(DATABASE, "StorageEncrypted", "false"),
    ),
    Violation(
        "DB-05", "encryption-left-out", Kind.REMOVED, "encryption is not stated", drop(DATABASE, "StorageEncrypted")
    ),
    Violation(
        "DB-05",
        "storage-key-of-stack",
        Kind.FLIPPED,
        "the storage is encrypted with the stack's own key",
        put(DATABASE, "KmsKeyId", lambda draft: draft.attribute("EncryptionKey", "Arn")),
    ),
    Violation(
        "DB-05",
        "storage-key-elsewhere",
        Kind.FLIPPED,
        "the storage has a customer key",
        put(DATABASE, "KmsKeyId", KEY_ARN),
    ),
    Violation(
        "DB-05",
        "storage-key-alias",
        Kind.FLIPPED,
        "the storage has a customer key, by alias",
        put(DATABASE, "KmsKeyId", "alias/bank"),
    ),
    Violation(
        "DB-05", "storage-key-imported", Kind.IMPORT, "the storage has an imported key", by_import(DATABASE, "KmsKeyId")
    ),
    Violation(
        "DB-05",
        "insights-key",
        Kind.FLIPPED,
        "Performance Insights has a customer key",
        put(DATABASE, "PerformanceInsightsKMSKeyId", KEY_ARN),
    ),
    Violation(
        "DB-05",
        "secret-key",
        Kind.FLIPPED,
        "the master secret has a customer key",
        put(DATABASE, "MasterUserSecret", lambda draft: {"KmsKeyId": draft.attribute("EncryptionKey", "Arn")}),
    ),
    Violation(
        "DB-05",
        "secret-of-stack-key",
        Kind.FLIPPED,
        "a secret of the stack's making, used as the master secret, has a customer key",
        together(
            add(
                "Master",
                "AWS::SecretsManager::Secret",
                {
                    "Name": "master-dev",
                    "KmsKeyId": KEY_ARN,
                    "GenerateSecretString": {
                        "SecretStringTemplate": '{"username":"database_admin"}',
                        "GenerateStringKey": "password",
                        "ExcludeCharacters": '/@" ',
                    },
                    "Tags": "cost",
                },
                DeletionPolicy="Delete",
                UpdateReplacePolicy="Delete",
            ),
            as_master_password({"Fn::Sub": "{{resolve:secretsmanager:${Master}:SecretString:password}}"}),
        ),
    ),
    Violation(
        "DB-05",
        "restored-from-snapshot",
        Kind.DEPENDENCY,
        "the database is restored from a snapshot, whose encryption it inherits",
        together(
            put(DATABASE, "DBSnapshotIdentifier", "rds:other-2026-01-01"),
            drop(DATABASE, "StorageEncrypted"),
        ),
    ),
    *hidden("DB-05", "encryption", DATABASE, "StorageEncrypted", True, False),
    *in_databases("DB-05", "encryption", "StorageEncrypted", None),
    # DB-06
    *(
        Violation(
            "DB-06",
            f"version-{version}",
            Kind.WEAKENED,
            f"the version is {version}: {why}",
            put(DATABASE, "EngineVersion", version),
        )
        for version, why in (
            ("14.18", "an older major version"),
            ("16.9", "a newer major version"),
            ("15.4", "can no longer be created"),
            ("15.12", "can no longer be created"),
            ("150.1", "no version of PostgreSQL"),
            ("latest", "no version"),
        )
    ),
    Violation("DB-06", "version-as-number", Kind.STRING, "15.10 without quotes: the number 15.1", as_yaml_number),
    Violation("DB-06", "version-left-out", Kind.REMOVED, "no version is stated", drop(DATABASE, "EngineVersion")),
    Violation(
        "DB-06", "family-of-14", Kind.WEAKENED, "the parameter group is for 14", put(PARAMETERS, "Family", "postgres14")
    ),
    Violation(
        "DB-06",
        "family-of-aurora",
        Kind.FLIPPED,
        "the group is for Aurora",
        put(PARAMETERS, "Family", "aurora-postgresql15"),
    ),
    Violation(
        "DB-06",
        "family-by-parameter",
        Kind.PARAMETER,
        "a parameter decides the family",
        by_parameter(PARAMETERS, "Family", "postgres15"),
    ),
    Violation(
        "DB-06",
        "default-parameters-of-16",
        Kind.FLIPPED,
        "the database uses RDS's default parameters of 16",
        put(DATABASE, "DBParameterGroupName", "default.postgres16"),
    ),
    Violation(
        "DB-06",
        "engine-of-aurora",
        Kind.FLIPPED,
        "the engine is Aurora's",
        put(DATABASE, "Engine", "aurora-postgresql"),
    ),
    Violation(
        "DB-06",
        "engine-in-second-database",
        Kind.SECOND,
        "a second database has another engine",
        in_second_database(DATABASE, "Engine", "sqlserver-se"),
    ),
    Violation(
        "DB-06",
        "family-in-second-database",
        Kind.SECOND,
        "a second database has a parameter group for 16",
        in_second_database(PARAMETERS, "Family", "postgres16"),
    ),
    *hidden("DB-06", "version", DATABASE, "EngineVersion", "15.17", "13.20"),
    *in_databases("DB-06", "version", "EngineVersion", "14.18"),
    # DB-07
    Violation("DB-07", "public", Kind.FLIPPED, "the database is public", put(DATABASE, "PubliclyAccessible", True)),
    Violation(
        "DB-07", "public-as-text", Kind.STRING, "it is public, as text", put(DATABASE, "PubliclyAccessible", "true")
    ),
    Violation(
        "DB-07",
        "public-as-python",
        Kind.STRING,
        "it is public, in capitals",
        put(DATABASE, "PubliclyAccessible", "True"),
    ),
    Violation(
        "DB-07",
        "public-left-out",
        Kind.REMOVED,
        "it is not stated, so that the VPC's set-up decides",
        drop(DATABASE, "PubliclyAccessible"),
    ),
    Violation(
        "DB-07",
        "public-misspelt",
        Kind.SPELLING,
        "PubliclyAccessible is written PublicAccess",
        rename(DATABASE, "PubliclyAccessible", "PublicAccess"),
    ),
    Violation(
        "DB-07",
        "public-replica",
        Kind.SECOND,
        "a read replica is public",
        second(
            DATABASE,
            "Replica",
            DBInstanceIdentifier="replica-dev",
            SourceDBInstanceIdentifier=lambda draft: draft.ref(DATABASE),
            PubliclyAccessible=True,
            ManageMasterUserPassword=None,
            MasterUsername=None,
        ),
    ),
    *hidden("DB-07", "public", DATABASE, "PubliclyAccessible", False, True),
    *in_databases("DB-07", "public", "PubliclyAccessible", True),
    # SEC-01
    Violation(
        "SEC-01", "literal-password", Kind.FLIPPED, "the password stands there", as_master_password("Tr0ub4dor&3x")
    ),
    Violation(
        "SEC-01",
        "literal-password-beside",
        Kind.OVERRIDE,
        "a literal password stands beside ManageMasterUserPassword",
        put(DATABASE, "MasterUserPassword", "Tr0ub4dor&3x"),
    ),
    Violation(
        "SEC-01",
        "joined-password",
        Kind.SPELLING,
        "the password is joined of pieces",
        as_master_password({"Fn::Join": ["", ["Tr0ub", "4dor", "&3x"]]}),
    ),
    Violation(
        "SEC-01",
        "password-of-identifiers",
        Kind.SPELLING,
        "the password is made of the account and the stack's name",
        as_master_password({"Fn::Sub": "pw-${AWS::AccountId}-${AWS::StackName}"}),
    ),
    Violation(
        "SEC-01",
        "password-by-parameter",
        Kind.PARAMETER,
        "the password is a parameter that is not echoed",
        together(
            put_section("Parameters", "DbPassword", {"Type": "String", "NoEcho": True}),
            as_master_password({"Ref": "DbPassword"}),
        ),
    ),
    Violation(
        "SEC-01",
        "password-by-quiet-parameter",
        Kind.PARAMETER,
        "the password is a parameter with a harmless name",
        together(
            put_section("Parameters", "Input", {"Type": "String"}),
            as_master_password({"Ref": "Input"}),
        ),
    ),
    Violation(
        "SEC-01",
        "password-parameter-default",
        Kind.PARAMETER,
        "a parameter called MasterPassword has a default, though nothing uses it",
        put_section("Parameters", "MasterPassword", {"Type": "String", "Default": "Tr0ub4dor&3x"}),
    ),
    Violation(
        "SEC-01",
        "password-from-parameter-store",
        Kind.IMPORT,
        "the password comes from Parameter Store, encrypted",
        as_master_password("{{resolve:ssm-secure:/database/password:1}}"),
    ),
    Violation(
        "SEC-01",
        "password-from-plain-parameter-store",
        Kind.IMPORT,
        "the password comes from Parameter Store in plain text",
        as_master_password("{{resolve:ssm:/database/password}}"),
    ),
    Violation(
        "SEC-01",
        "password-imported",
        Kind.IMPORT,
        "another stack exports the password",
        as_master_password({"Fn::ImportValue": "db-password"}),
    ),
    Violation(
        "SEC-01",
        "password-by-mapping",
        Kind.MAPPING,
        "the password stands in a mapping",
        together(
            put_section("Mappings", "Regional", {"us-east-1": {"Value": "Tr0ub4dor&3x"}}),
            as_master_password({"Fn::FindInMap": ["Regional", {"Ref": "AWS::Region"}, "Value"]}),
        ),
    ),
    Violation(
        "SEC-01",
        "password-in-mapping-unused",
        Kind.MAPPING,
        "a mapping holds a password that nothing uses",
        put_section("Mappings", "Credentials", {"dev": {"MasterPassword": "Tr0ub4dor&3x"}}),
    ),
    Violation(
        "SEC-01",
        "password-in-metadata",
        Kind.OVERRIDE,
        "the template's Metadata holds the password",
        put_section("Metadata", "Notes", {"databasePassword": "Tr0ub4dor&3x"}),
    ),
    Violation(
        "SEC-01",
        "password-by-condition",
        Kind.CONDITION,
        "the password is literal where a condition holds",
        together(
            condition(),
            put(DATABASE, "MasterUserPassword", {"Fn::If": ["Important", {"Ref": "AWS::NoValue"}, "Tr0ub4dor&3x"]}),
        ),
    ),
    Violation(
        "SEC-01",
        "unmanaged-password",
        Kind.FLIPPED,
        "ManageMasterUserPassword is false and no other password is generated",
        put(DATABASE, "ManageMasterUserPassword", False),
    ),
    Violation(
        "SEC-01",
        "literal-secret",
        Kind.SECOND,
        "a secret's value stands in the template",
        add(
            "Secret",
            "AWS::SecretsManager::Secret",
            {"Name": "secret-dev", "SecretString": '{"password":"Tr0ub4dor&3x"}', "Tags": "cost"},
        ),
    ),
    Violation(
        "SEC-01",
        "secret-by-parameter",
        Kind.PARAMETER,
        "a secret's value is a parameter",
        together(
            put_section("Parameters", "Value", {"Type": "String", "NoEcho": True}),
            add(
                "Secret",
                "AWS::SecretsManager::Secret",
                {"Name": "secret-dev", "SecretString": {"Ref": "Value"}, "Tags": "cost"},
            ),
        ),
    ),
    Violation(
        "SEC-01",
        "generated-secret-with-literal",
        Kind.SPELLING,
        "a secret is generated, but its template already holds the password",
        add(
            "Secret",
            "AWS::SecretsManager::Secret",
            {
                "Name": "secret-dev",
                "GenerateSecretString": {
                    "SecretStringTemplate": '{"username":"a","password":"Tr0ub4dor&3x"}',
                    "GenerateStringKey": "salt",
                },
                "Tags": "cost",
            },
        ),
    ),
    Violation(
        "SEC-01",
        "password-put-into-parameter-store",
        Kind.SECOND,
        "a parameter in Parameter Store holds the password",
        add("Stored", "AWS::SSM::Parameter", parameter_in_store("/database/password-dev", "Tr0ub4dor&3x")),
    ),
    Violation(
        "SEC-01",
        "secret-copied-into-parameter-store",
        Kind.SECOND,
        "the master secret is copied to Parameter Store",
        add(
            "Stored",
            "AWS::SSM::Parameter",
            parameter_in_store(
                "database-login-dev",
                lambda draft: {"Fn::Sub": fetched_password(draft)},
            ),
        ),
    ),
    Violation(
        "SEC-01",
        "password-in-second-database",
        Kind.SECOND,
        "a second database has a literal password",
        in_second_database(DATABASE, "MasterUserPassword", "Tr0ub4dor&3x"),
    ),
    Violation(
        "SEC-01",
        "password-in-nested-stack",
        Kind.NESTED,
        "a nested stack holds a database with a literal password",
        nested("Inner", as_master_password("Tr0ub4dor&3x")),
    ),
    Violation(
        "SEC-01",
        "password-for-nested-stack",
        Kind.NESTED,
        "a nested stack is given the password as a parameter",
        together(nested("Inner"), put("Inner", "Parameters", {"DatabasePassword": "Tr0ub4dor&3x"})),
    ),
    Violation(
        "SEC-01",
        "password-of-replication-endpoint",
        Kind.SECOND,
        "a replication endpoint is given a literal password",
        add(
            "Replication",
            "AWS::DMS::Endpoint",
            {
                "EndpointIdentifier": "replication-dev",
                "EndpointType": "source",
                "EngineName": "postgres",
                "Username": "database_admin",
                "Password": "Tr0ub4dor&3x",
                "Tags": "cost",
            },
        ),
    ),
    # SEC-02
    Violation(
        "SEC-02",
        "output-is-password",
        Kind.OVERRIDE,
        "an output shows the master secret's password",
        put_section(
            "Outputs",
            "Login",
            lambda draft: {"Value": {"Fn::Sub": fetched_password(draft)}},
        ),
    ),
    Violation(
        "SEC-02",
        "output-is-connection-string",
        Kind.OVERRIDE,
        "an output shows a connection string with a password",
        put_section("Outputs", "Url", {"Value": "postgresql://database_admin:Tr0ub4dor3x@postgres-dev:5432/main"}),
    ),
    Violation(
        "SEC-02",
        "output-joins-connection-string",
        Kind.SPELLING,
        "an output joins a connection string with a password",
        put_section(
            "Outputs",
            "Url",
            lambda draft: {
                "Value": {
                    "Fn::Join": [
                        "",
                        ["postgres://admin:", "Tr0ub4dor3x", "@", draft.attribute(DATABASE, "Endpoint.Address")],
                    ]
                }
            },
        ),
    ),
    Violation(
        "SEC-02",
        "output-is-password-parameter",
        Kind.PARAMETER,
        "an output shows a parameter that is not to be echoed",
        together(
            put_section("Parameters", "Token", {"Type": "String", "NoEcho": True}),
            put_section("Outputs", "Shown", {"Value": {"Ref": "Token"}}),
        ),
    ),
    Violation(
        "SEC-02",
        "output-description",
        Kind.OVERRIDE,
        "an output's description tells the password",
        put_section("Outputs", "Hint", {"Value": "none", "Description": "log in with password=Tr0ub4dor3x"}),
    ),
    Violation(
        "SEC-02",
        "template-description",
        Kind.OVERRIDE,
        "the template's description tells the password",
        put_top("Description", "PostgreSQL database, password: Tr0ub4dor3x"),
    ),
    Violation(
        "SEC-02",
        "parameter-description",
        Kind.OVERRIDE,
        "a parameter's description holds a connection string",
        put_section(
            "Parameters",
            "Source",
            {"Type": "String", "Default": "x", "Description": "such as postgres://admin:Tr0ub4dor3x@host/main"},
        ),
    ),
    Violation(
        "SEC-02",
        "tag-tells-password",
        Kind.OVERRIDE,
        "a tag tells the password",
        append(DATABASE, "Tags", {"Key": "Password", "Value": "Tr0ub4dor3x"}),
    ),
    Violation(
        "SEC-02",
        "environment-variable",
        Kind.SECOND,
        "a function has the password in its environment",
        add("Report", "AWS::Lambda::Function", function({"PGPASSWORD": "Tr0ub4dor3x"})),
    ),
    Violation(
        "SEC-02",
        "environment-variable-short",
        Kind.SPELLING,
        "a function has the password in its environment, as DB_PW",
        add("Report", "AWS::Lambda::Function", function({"DB_PW": "Tr0ub4dor3x"})),
    ),
    Violation(
        "SEC-02",
        "environment-connection-string",
        Kind.SECOND,
        "a function has a connection string with a password in its environment",
        add(
            "Report", "AWS::Lambda::Function", function({"DATABASE_URL": "postgres://admin:Tr0ub4dor3x@host:5432/main"})
        ),
    ),
    Violation(
        "SEC-02",
        "environment-resolved-secret",
        Kind.SECOND,
        "a function has the secret's value, fetched while deploying, in its environment",
        add(
            "Report",
            "AWS::Lambda::Function",
            function({"LOGIN": "{{resolve:secretsmanager:database:SecretString:password}}"}),
        ),
    ),
    Violation(
        "SEC-02",
        "alarm-description",
        Kind.OVERRIDE,
        "an alarm's description tells the password",
        put("MonitoringCPUUtilizationAlarm", "AlarmDescription", "CPU high; log in with PGPASSWORD=Tr0ub4dor3x psql"),
    ),
    Violation(
        "SEC-02",
        "topic-display-name",
        Kind.OVERRIDE,
        "the topic's display name tells a password",
        put("NotificationsTopic", "DisplayName", "db password=Tr0ub4dor3x"),
    ),
    Violation(
        "SEC-02",
        "group-rule-description",
        Kind.OVERRIDE,
        "a security group's description holds a connection string",
        put("SecurityGroupsDatabase", "GroupDescription", "for postgres://admin:Tr0ub4dor3x@host/main"),
    ),
)
