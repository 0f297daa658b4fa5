//! A reader: it reads one version, then each of its files, and counts the rows.

use std::sync::Arc;

use super::super::*;
use super::content::place;
use super::judge::{Outcome, check};
use super::log::{Known, is_passing, read_step};
use super::world::{DAY_MS, World};
use crate::ErrorKind;

#[derive(Debug, Default)]
pub(super) struct Reader {
    known: Known,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// `newest`: the newest version when it began; or the version that it wants.
    Reading {
        reader: Box<TableReader>,
        since_ms: i64,
        newest: Option<u64>,
        is_old: bool,
    },
    Getting {
        table: Arc<Table>,
        at: usize,
        rows: Vec<u64>,
    },
}

impl Reader {
    /// One operation. True when a round has ended.
    pub(super) fn step(&mut self, world: &mut World) -> Outcome<bool> {
        self.state = match std::mem::take(&mut self.state) {
            State::Idle => self.begin(world),
            State::Reading { mut reader, since_ms, newest, is_old } => {
                match read_step(world, &mut reader) {
                    Ok(false) => State::Reading { reader, since_ms, newest, is_old },
                    Ok(true) => self.opened(world, *reader, since_ms, newest, is_old)?,
                    Err(error) if is_passing(&error) => State::Idle,
                    Err(error) if is_old && error.kind() == ErrorKind::Missing => {
                        let is_kept =
                            newest.is_some_and(|it| world.judge.is_retained(it, world.now_ms));
                        check(!is_kept, || format!("version {newest:?} is retained, but {error}"))?;
                        State::Idle
                    }
                    Err(error) => return Err(error.to_string()),
                }
            }
            State::Getting { table, at, rows } => get(world, table, at, rows)?,
        };
        Ok(matches!(self.state, State::Idle))
    }

    fn begin(&self, world: &mut World) -> State {
        let (since_ms, versions) = (world.now_ms, world.judge.versions.len() as u64);
        let old = versions.saturating_sub(1 + world.below(5));
        if world.chance(250) && versions > 0 && world.judge.is_retained(old, since_ms) {
            let reader = Box::new(TableReader::at(place(), old));
            return State::Reading { reader, since_ms, newest: Some(old), is_old: true };
        }
        let reader = Box::new(self.known.reader(since_ms));
        State::Reading { reader, since_ms, newest: versions.checked_sub(1), is_old: false }
    }

    fn opened(
        &mut self,
        world: &World,
        reader: TableReader,
        since_ms: i64,
        newest: Option<u64>,
        is_old: bool,
    ) -> Outcome<State> {
        let Some(table) = reader.table() else {
            check(newest.is_none(), || "the table is not there any more".to_owned())?;
            return Ok(State::Idle);
        };
        table.check_readable().map_err(|error| error.to_string())?;
        // A reader that slept may have missed entries that are gone.
        let is_awake = world.now_ms - since_ms < DAY_MS;
        let version = table.version();
        check(!is_awake || version >= newest, || {
            format!("a reader finds version {version:?}, but {newest:?} was there before")
        })?;
        check(!is_old || version == newest, || format!("{version:?} is read for {newest:?}"))?;
        world.judge.same_table(&table, &world.store)?;
        if !is_old {
            self.known.keep(Some(Arc::clone(&table)), since_ms);
        }
        Ok(State::Getting { table, at: 0, rows: Vec::new() })
    }
}

fn get(world: &mut World, table: Arc<Table>, at: usize, mut rows: Vec<u64>) -> Outcome<State> {
    let version = table.version().ok_or("a table without a version")?;
    let Some(add) = table.adds().nth(at) else {
        rows.sort_unstable();
        let expected = world.judge.versions.get(version as usize).map(|it| &it.rows);
        check(expected.is_some_and(|it| it.iter().eq(&rows)), || {
            format!("version {version} is read as {rows:?}, and has {expected:?}")
        })?;
        return Ok(State::Idle);
    };
    match world.get(&add.path) {
        None => {}
        Some(Some(content)) => {
            check(content.bytes() == add.bytes, || format!("{} has another size", add.path))?;
            rows.extend(content.rows());
            return Ok(State::Getting { table, at: at + 1, rows });
        }
        Some(None) => {
            let (path, now_ms) = (add.path.clone(), world.now_ms);
            check(world.judge.may_be_gone(&path, version, now_ms), || {
                format!("a reader of version {version} misses {path}")
            })?;
            return Ok(State::Idle);
        }
    }
    Ok(State::Getting { table, at, rows })
}
