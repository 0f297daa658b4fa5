"""Apache Spark in this process's one JVM, by its vectorized reader."""

import datetime
import os
import tempfile
from importlib.metadata import version

os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"

from pyspark.sql import Row, SparkSession  # noqa: E402: it looks at the environment
from pyspark.sql.types import TimestampType  # noqa: E402

from rows import Table  # noqa: E402

VERSION = version("pyspark")
EPOCH = datetime.date(1970, 1, 1)


class Micros(int):
    """An instant as Spark has it; `datetime` does not reach the first day of year 1."""


TimestampType.fromInternal = lambda _, micros: None if micros is None else Micros(micros)


def session():
    """One core and little memory; the quick compiler alone, as no file is read twice."""
    # In the test's own folder, which goes when the test ends.
    scratch = tempfile.mkdtemp(prefix="spark-", dir=os.getcwd())
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": f"-XX:TieredStopAtLevel=1 -Djava.io.tmpdir={scratch}",
        "spark.local.dir": scratch,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": scratch,
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


SPARK = session()
HADOOP = SPARK._jvm.org.apache.hadoop.fs
SETTINGS = SPARK._jsc.hadoopConfiguration()
LOCAL = HADOOP.FileSystem.getLocal(SETTINGS)


def stored(path):
    """A copy with Hadoop's own checksums, as Spark itself leaves its files.

    They make Hadoop read several columns into one buffer, as it does from object stores. Spark 4.1
    to 4.3 mistakes the place of a column in such a buffer (SPARK-60320); a file without these
    checksums would not show it."""
    source, copy = HADOOP.Path(str(path)), HADOOP.Path(f"{path.parent}/spark-{VERSION}-{path.name}")
    if not HADOOP.FileUtil.copy(LOCAL.getRaw(), source, LOCAL, copy, False, True, SETTINGS):
        raise OSError(f"Hadoop did not copy {path}")
    return copy.toString()


def with_spark(path, _schema):
    frame = SPARK.read.parquet(stored(path))
    jvm = SPARK._jvm.org.apache.spark.sql.execution
    plan = frame._jdf.queryExecution().explainString(jvm.ExplainMode.fromString("formatted"))
    if "Batched: true" not in plan:
        raise ValueError("the vectorized reader does not take this file")
    rows = frame.collect()
    columns = [[plain(row[at]) for row in rows] for at in range(len(frame.columns))]
    return Table(frame.columns, [kind for _, kind in frame.dtypes], columns)


def plain(value):
    if isinstance(value, Row):
        # By place: the names are those of the schema's fields.
        return {name: plain(value[at]) for at, name in enumerate(value.__fields__)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, Micros):
        return value * 1000
    if isinstance(value, datetime.date):
        return (value - EPOCH).days
    return value


def cause_of(error):
    """What the JVM says at the end of a chain of causes."""
    last = getattr(error, "java_exception", None)
    if last is None:
        return None
    while last.getCause() is not None:
        last = last.getCause()
    return last.getMessage()


ENGINES = [
    {
        "name": f"Spark {VERSION.split('.')[0]}",
        "version": VERSION,
        "read": with_spark,
        "how": "`spark.read.parquet` of PySpark, by the vectorized reader",
        "ordered": True,
    }
]
