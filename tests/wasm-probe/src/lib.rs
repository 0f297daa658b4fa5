//! The core behind five C functions and the linear memory: what is left when there is no host at
//! all. `tests/interop/wasm_probe.mjs` drives it, `tests/tests/wasm.rs` judges what comes out.
//!
//! The caller copies NDJSON into memory from [`probe_alloc`], calls [`probe_encode`], and reads the
//! answer, file or message, through [`probe_answer`] and [`probe_answer_len`]. [`probe_read`] reads
//! a file in every way there is, for `tests/tests/hostile_wasm.rs`.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::RefCell;

#[path = "../../src/mutants/judge.rs"]
mod judge;
#[path = "../../src/scanning.rs"]
#[allow(dead_code)] // the probe drives scans, and reads their rows no other way
mod scanning;

use coldpress_core::{Codec, Encoder, KeyPrefix, LsnWidth, Result, Settings, Target};

thread_local! {
    // A wasm instance has one thread; the cell only spares a `static mut`.
    static ANSWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Room for `len` bytes; null where there is none.
///
/// # Safety
///
/// Ends with [`probe_free`] and the same `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn probe_alloc(len: usize) -> *mut u8 {
    match Layout::array::<u8>(len.max(1)) {
        // SAFETY: the layout is at least one byte long.
        Ok(layout) => unsafe { alloc(layout) },
        Err(_) => std::ptr::null_mut(),
    }
}

/// Gives back what [`probe_alloc`] gave.
///
/// # Safety
///
/// `start` came from [`probe_alloc`] with this `len`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn probe_free(start: *mut u8, len: usize) {
    if let Ok(layout) = Layout::array::<u8>(len.max(1)) {
        // SAFETY: the same layout as in `probe_alloc`, by this function's own contract.
        unsafe { dealloc(start, layout) }
    }
}

/// Encodes the NDJSON at `start` with the codec at `codec` in [`Codec::ALL`]. Returns 0 where the
/// answer is a Parquet file, 1 where it is the message of an error.
///
/// # Safety
///
/// `len` bytes at `start` are initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn probe_encode(start: *const u8, len: usize, codec: usize) -> u32 {
    // SAFETY: by this function's own contract.
    let rows = unsafe { std::slice::from_raw_parts(start, len) };
    let (failed, answer) = match Codec::ALL.get(codec) {
        None => (1, format!("no codec has the number {codec}").into_bytes()),
        Some(codec) => match encode(rows, *codec) {
            Ok(file) => (0, file),
            Err(error) => (1, error.to_string().into_bytes()),
        },
    };
    ANSWER.set(answer);
    failed
}

/// Reads the file at `start` in every way there is. Returns 0, 1 or 2 as it does not open, is found
/// damaged, or is whole; 3 where a reader ends as none must, and the answer says how.
///
/// # Safety
///
/// `len` bytes at `start` are initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn probe_read(start: *const u8, len: usize) -> u32 {
    // SAFETY: by this function's own contract.
    let file = unsafe { std::slice::from_raw_parts(start, len) };
    match judge::read_all(file) {
        Ok(judge::Ending::Closed) => 0,
        Ok(judge::Ending::Damaged) => 1,
        Ok(judge::Ending::Whole) => 2,
        Err(what) => {
            ANSWER.set(what.into_bytes());
            3
        }
    }
}

/// Where the last answer starts.
#[unsafe(no_mangle)]
pub extern "C" fn probe_answer() -> *const u8 {
    ANSWER.with_borrow(|answer| answer.as_ptr())
}

/// How many bytes the last answer has.
#[unsafe(no_mangle)]
pub extern "C" fn probe_answer_len() -> usize {
    ANSWER.with_borrow(Vec::len)
}

fn encode(rows: &[u8], codec: Codec) -> Result<Vec<u8>> {
    let mut encoder = Encoder::new(Settings { codec, ..Settings::default() })?;
    encoder.push_json(rows)?;
    let target = Target {
        prefix: KeyPrefix::default(),
        tenant_id: 0,
        collection: "movies".to_owned(),
        lsns: None,
        lsn_width: LsnWidth::Unpadded,
    };
    Ok(encoder.finish(&target)?.bytes.to_vec())
}
