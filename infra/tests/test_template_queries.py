"""The saved queries of Athena's workgroup, run: translated to DuckDB's SQL, over tables with the catalog's columns."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from parsed import load, resources

pytest.importorskip("cfnlint", reason="cfn-lint is not installed; `cargo xtask test infra` does that")
duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed; `cargo xtask test infra` does that")
sqlglot = pytest.importorskip("sqlglot", reason="sqlglot is not installed; `cargo xtask test infra` does that")

QUERIES = resources(load(), "AWS::Athena::NamedQuery")
TYPES = {"string": "VARCHAR", "int": "INTEGER", "bigint": "BIGINT", "double": "DOUBLE", "timestamp": "TIMESTAMPTZ"}
MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)


class Lake:
    """Tables as the template has them, and rows put into them."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.columns: dict[str, list[str]] = {}
        for table in resources(load(), "AWS::Glue::Table").values():
            each = table["TableInput"]
            columns = each["StorageDescriptor"]["Columns"] + each["PartitionKeys"]
            kinds = [f'"{column["Name"]}" {TYPES.get(column["Type"], "MAP(VARCHAR, VARCHAR)")}' for column in columns]
            self.columns[each["Name"]] = [column["Name"] for column in columns]
            self.connection.execute(f"CREATE TABLE {each['Name']} ({', '.join(kinds)})")

    def put(self, table: str, at: datetime.datetime, **values: Any) -> None:
        """A row of that time, in its partition."""
        day = {"year": f"{at:%Y}", "month": f"{at:%m}", "day": f"{at:%d}"}
        row = day | {"ts" if table == "logs" else "minute": at, "host": "web-1"} | values
        assert set(row) <= set(self.columns[table])
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" for _ in row)
        self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The rows that a saved query gives."""
        (text,) = sqlglot.transpile(QUERIES[query]["QueryString"], read="athena", write="duckdb")
        answer = self.connection.execute(text)
        names = [each[0] for each in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


@pytest.fixture
def lake() -> Lake:
    return Lake()


@pytest.fixture
def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_runs_over_an_empty_lake_and_reads_a_few_days_only(name: str, lake: Lake) -> None:
    assert lake.ask(name) == []
    text = QUERIES[name]["QueryString"]
    # Without a condition on the day Athena reads, and bills, the whole lake.
    assert "year || month || day >= date_format(" in text or "year = '" in text
    assert QUERIES[name]["Database"] == {"Ref": "Database"} and QUERIES[name]["WorkGroup"] == {"Ref": "Workgroup"}


def test_failed_logins_are_counted_by_address_and_old_ones_are_not(lake: Lake, now: datetime.datetime) -> None:
    failure = {"event_type": "auth_failure", "level": "warn", "src_ip": "192.0.2.7"}
    for number in range(12):
        lake.put("logs", now - number * MINUTE, user_name=f"user{number % 3}", **failure)
    lake.put("logs", now - 2 * DAY, user_name="user9", **failure)
    (row,) = lake.ask("FailedLoginsQuery")
    assert (row["src_ip"], row["failures"], row["users"], row["hosts"]) == ("192.0.2.7", 12, 3, 1)


def test_who_got_in_after_failing_is_named(lake: Lake, now: datetime.datetime) -> None:
    at = now.replace(hour=12, minute=0, second=0, microsecond=0) - DAY
    for number in range(10):
        lake.put("logs", at + number * MINUTE, event_type="auth_failure", src_ip="192.0.2.7", user_name="root")
        lake.put("logs", at + number * MINUTE, event_type="auth_failure", src_ip="192.0.2.8", user_name="root")
    lake.put("logs", at + 20 * MINUTE, event_type="auth_success", src_ip="192.0.2.7", user_name="root")
    (row,) = lake.ask("LoginsAfterFailuresQuery")
    assert (row["src_ip"], row["failures"], row["successes"]) == ("192.0.2.7", 10, 1)


def test_errors_of_the_last_hour_come_with_their_first_message(lake: Lake, now: datetime.datetime) -> None:
    for minutes, message in ((50, "first"), (10, "second"), (90, "too old")):
        lake.put("logs", now - minutes * MINUTE, level="error", event_type="service", service="shop", message=message)
    (row,) = lake.ask("ErrorsLastHourQuery")
    assert (row["events"], row["first_message"], row["service"]) == (2, "first", "shop")


def test_unparsed_lines_are_counted_with_an_example(lake: Lake, now: datetime.datetime) -> None:
    for number in range(3):
        lake.put("logs", now - number * MINUTE, event_type="unparsed", path="/var/log/odd", raw=f"line {number}")
    (row,) = lake.ask("UnparsedQuery")
    assert (row["lines"], row["path"], row["example"]) == (3, "/var/log/odd", "line 2")


def test_volume_adds_up_by_day(lake: Lake, now: datetime.datetime) -> None:
    for _ in range(2):
        lake.put("metrics", now, source="nginx", lines=10, bytes=1000, errors=1)
    (row,) = lake.ask("VolumeQuery")
    assert (row["lines"], row["bytes"], row["errors"], row["date"]) == (20, 2000, 2, f"{now:%Y-%m-%d}")
