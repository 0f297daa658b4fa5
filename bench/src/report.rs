//! What a contest found, as a table for people and as JSON.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::contestant::Contestant;

/// The load of a machine that does nothing else, with room for what every system does.
const LOAD_QUIET: f64 = 1.3;

/// One contestant's rounds.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Who.
    #[serde(rename = "name", serialize_with = "as_text")]
    pub contestant: Contestant,
    /// The version of what did the work.
    pub version: String,
    /// Processor seconds of each round, in order.
    pub cpu_s: Vec<f64>,
    /// The size of its file.
    pub bytes: u64,
}

/// All contestants' rounds, and whether Coldpress met its targets.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Rows of telemetry that each contestant got.
    pub rows: usize,
    /// The size of those rows as NDJSON.
    pub ndjson_bytes: u64,
    /// How often each ran.
    pub rounds: usize,
    /// The model name of the processor, where the system tells.
    pub processor: Option<String>,
    /// Processes that were running or waiting on average in the minute before the end, this one
    /// included: well above 1, others took part of the cache and the clock.
    pub load: Option<f64>,
    /// The contestants, in the order they ran.
    pub entries: Vec<Measured>,
    /// What is promised of the contestants that took part.
    pub targets: Vec<Target>,
}

/// An [`Entry`] and its median.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// The rounds.
    #[serde(flatten)]
    pub entry: Entry,
    /// The median of their processor seconds.
    pub cpu_s_median: f64,
}

/// A promise: a ratio, and the most it may be.
#[derive(Debug, Clone, Serialize)]
pub struct Target {
    /// What is held against what.
    pub what: String,
    /// What it came to.
    pub ratio: f64,
    /// What it may come to.
    pub most: f64,
    /// Whether it did.
    pub met: bool,
}

impl Entry {
    /// An entry without rounds.
    pub fn new(contestant: Contestant) -> Self {
        Entry { contestant, version: String::new(), cpu_s: Vec::new(), bytes: 0 }
    }
}

impl Report {
    /// The report of finished rounds.
    pub fn new(rows: usize, ndjson_bytes: u64, rounds: usize, entries: Vec<Entry>) -> Self {
        let entries: Vec<Measured> = entries
            .into_iter()
            .map(|entry| Measured { cpu_s_median: median(&entry.cpu_s), entry })
            .collect();
        let targets = targets(&entries);
        Report {
            rows,
            ndjson_bytes,
            rounds,
            processor: processor(),
            load: load(),
            entries,
            targets,
        }
    }

    /// Whether every target is met.
    pub fn is_met(&self) -> bool {
        self.targets.iter().all(|target| target.met)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} telemetry rows, {:.1} MB as NDJSON; median of {} rounds; {}\n",
            self.rows,
            self.ndjson_bytes as f64 / 1e6,
            self.rounds,
            self.processor.as_deref().unwrap_or("unknown processor"),
        )?;
        if let Some(load) = self.load.filter(|&load| load > LOAD_QUIET) {
            writeln!(f, "The machine was not quiet: load {load:.1}, of which 1 is this run.\n")?;
        }
        writeln!(
            f,
            "{:<26}{:<12}{:>9}{:>9}{:>16}{:>10}{:>9}",
            "contestant", "from", "version", "CPU s", "least-most", "MB out", "MB/s"
        )?;
        for Measured { entry, cpu_s_median } in &self.entries {
            let least = entry.cpu_s.iter().copied().fold(f64::INFINITY, f64::min);
            let most = entry.cpu_s.iter().copied().fold(0.0, f64::max);
            writeln!(
                f,
                "{:<26}{:<12}{:>9}{:>9.3}{:>16}{:>10.2}{:>9.0}",
                entry.contestant,
                entry.contestant.source(),
                entry.version,
                cpu_s_median,
                format!("{least:.3}-{most:.3}"),
                entry.bytes as f64 / 1e6,
                self.ndjson_bytes as f64 / 1e6 / cpu_s_median,
            )?;
        }
        if !self.targets.is_empty() {
            writeln!(f)?;
        }
        for target in &self.targets {
            let verdict = if target.met { "met" } else { "MISSED" };
            writeln!(
                f,
                "{:<52}{:>6.2}  at most {:.2}  {verdict}",
                target.what, target.ratio, target.most
            )?;
        }
        Ok(())
    }
}

fn targets(entries: &[Measured]) -> Vec<Target> {
    let find = |contestant| entries.iter().find(|m| m.entry.contestant == contestant);
    let mut targets = Vec::new();
    let mut promise = |what: &str, ratio: f64, most: f64| {
        targets.push(Target { what: what.to_owned(), ratio, most, met: ratio <= most });
    };
    if let (Some(ours), Some(seed)) = (find(Contestant::ColdpressRows), find(Contestant::SeedRows))
    {
        promise("CPU from Value rows / the seed's", ours.cpu_s_median / seed.cpu_s_median, 0.5);
        promise(
            "file from Value rows / the seed's",
            ours.entry.bytes as f64 / seed.entry.bytes as f64,
            1.0,
        );
    }
    if let (Some(ours), Some(duckdb)) =
        (find(Contestant::ColdpressNdjson), find(Contestant::Duckdb))
    {
        promise("CPU from NDJSON / DuckDB's", ours.cpu_s_median / duckdb.cpu_s_median, 1.0);
    }
    for (from, ours, theirs) in [
        ("objects", Contestant::ColdpressWebObjects, Contestant::HyparquetWriterObjects),
        ("NDJSON", Contestant::ColdpressWebNdjson, Contestant::HyparquetWriterNdjson),
    ] {
        if let (Some(ours), Some(theirs)) = (find(ours), find(theirs)) {
            let ratio = ours.cpu_s_median / theirs.cpu_s_median;
            promise(&format!("in Node, CPU from {from} / hyparquet-writer's"), ratio, 0.5);
        }
    }
    targets
}

/// The middle value; of an even number, the mean of the middle two.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.len() / 2;
    match sorted.as_slice() {
        [] => f64::NAN,
        s if s.len() % 2 == 1 => s[upper],
        s => f64::midpoint(s[upper - 1], s[upper]),
    }
}

fn processor() -> Option<String> {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

fn as_text<S: Serializer>(contestant: &Contestant, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(contestant.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(contestant: Contestant, cpu_s: &[f64], bytes: u64) -> Entry {
        Entry { contestant, version: "1".into(), cpu_s: cpu_s.to_vec(), bytes }
    }

    #[test]
    fn the_middle_value_counts() {
        assert_eq!(median(&[3.0, 1.0, 9.0]), 3.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), 3.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn targets_are_of_those_who_took_part() {
        let report = Report::new(
            1,
            1,
            1,
            vec![
                entry(Contestant::ColdpressRows, &[0.2], 90),
                entry(Contestant::SeedRows, &[0.5], 100),
                entry(Contestant::ColdpressNdjson, &[0.4], 90),
            ],
        );
        assert_eq!(report.targets.len(), 2);
        assert!(report.is_met());
        let missed = Report::new(
            1,
            1,
            1,
            vec![
                entry(Contestant::ColdpressNdjson, &[0.4], 90),
                entry(Contestant::Duckdb, &[0.3], 90),
            ],
        );
        assert!(!missed.is_met());
        assert!(missed.to_string().contains("MISSED"));
    }
}
