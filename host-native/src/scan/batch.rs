//! What passes from a decoding thread at once: rows, or their JSON.

use coldpress_core::{JsonStep, Result, Scan, ScanStep, StoredRow};

/// Rows of a batch.
const ROWS_MAX: usize = 512;

/// Why a batch ended.
pub(super) enum Pause {
    /// It is full.
    Full,
    /// The scan needs bytes.
    Wait,
    Done,
}

/// Rows that are decoded in one go.
pub(super) trait Batch: Default + Send + 'static {
    /// Takes the next row of the scan; `Some` if there is none now.
    fn take(&mut self, scan: &mut Scan) -> Result<Option<Pause>>;

    fn len(&self) -> usize;

    /// Leaves only the first rows, at most so many.
    fn truncate(&mut self, rows: usize);

    /// Takes rows until there is none, or enough. `each` is called behind each step.
    fn fill(
        &mut self,
        scan: &mut Scan,
        mut each: impl FnMut(&Scan) -> Result<()>,
    ) -> Result<Pause> {
        while self.len() < ROWS_MAX {
            let pause = self.take(scan)?;
            each(scan)?;
            if let Some(pause) = pause {
                return Ok(pause);
            }
        }
        Ok(Pause::Full)
    }
}

impl Batch for Vec<StoredRow> {
    fn take(&mut self, scan: &mut Scan) -> Result<Option<Pause>> {
        Ok(match scan.poll_row()? {
            ScanStep::Row(row) => {
                self.push(row);
                None
            }
            ScanStep::Wait => Some(Pause::Wait),
            ScanStep::Done => Some(Pause::Done),
        })
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn truncate(&mut self, rows: usize) {
        self.truncate(rows);
    }
}

/// Some rows of a scan, each as compact JSON in which every number is exactly as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonRows {
    text: String,
    /// The id of each row, and where its text ends.
    rows: Vec<(String, usize)>,
}

impl JsonRows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Id and document of each row. The id is empty if the query wants none
    /// ([`Query::without_ids`](crate::Query::without_ids)).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.rows.iter().map(move |(id, end)| {
            let text = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            (id.as_str(), text)
        })
    }
}

impl Batch for JsonRows {
    fn take(&mut self, scan: &mut Scan) -> Result<Option<Pause>> {
        Ok(match scan.poll_json(&mut self.text)? {
            JsonStep::Row(id) => {
                self.rows.push((id, self.text.len()));
                None
            }
            JsonStep::Wait => Some(Pause::Wait),
            JsonStep::Done => Some(Pause::Done),
        })
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn truncate(&mut self, rows: usize) {
        self.rows.truncate(rows);
        self.text.truncate(self.rows.last().map_or(0, |(_, end)| *end));
    }
}
