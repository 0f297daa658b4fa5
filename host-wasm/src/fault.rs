//! The errors that JavaScript gets, and the message of the last panic.

use std::cell::RefCell;

use coldpress_core::{Error, ErrorKind};
use wasm_bindgen::prelude::wasm_bindgen;

/// The facts of an error, which JavaScript catches. `js/src/error.js` makes a `ColdpressError` of
/// them.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Fault(Error);

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault(error)
    }
}

#[wasm_bindgen]
impl Fault {
    /// The stable name of the kind of error.
    #[wasm_bindgen(getter)]
    pub fn code(&self) -> String {
        code_of(self.0.kind()).to_owned()
    }

    /// What was wrong, where, and what to do next.
    #[wasm_bindgen(getter)]
    pub fn message(&self) -> String {
        self.0.to_string()
    }

    /// The row, counted from 0.
    #[wasm_bindgen(getter)]
    pub fn row(&self) -> Option<f64> {
        self.0.row().map(|row| row as f64)
    }

    /// The row's id.
    #[wasm_bindgen(getter)]
    pub fn id(&self) -> Option<String> {
        self.0.id().map(str::to_owned)
    }

    /// The line of the JSON text, counted from 1.
    #[wasm_bindgen(getter)]
    pub fn line(&self) -> Option<f64> {
        self.0.line().map(|line| line as f64)
    }

    /// The path of the column.
    #[wasm_bindgen(getter)]
    pub fn column(&self) -> Option<String> {
        self.0.column().map(str::to_owned)
    }
}

/// The stable name of a kind of error.
pub(crate) fn code_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Settings => "Settings",
        ErrorKind::Row => "Row",
        ErrorKind::Key => "Key",
        ErrorKind::Corrupt => "Corrupt",
        ErrorKind::Limit => "Limit",
        ErrorKind::Misuse => "Misuse",
        ErrorKind::Unavailable => "Unavailable",
        ErrorKind::Denied => "Denied",
        ErrorKind::Expired => "Expired",
        ErrorKind::Conflict => "Conflict",
        ErrorKind::Missing => "NotFound",
        ErrorKind::Cors => "Cors",
        ErrorKind::Aborted => "Aborted",
        _ => "Internal",
    }
}

thread_local! {
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the message of a panic. A panic stops the instance, but JavaScript can still read its
/// memory.
#[wasm_bindgen(start)]
pub fn watch_panics() {
    std::panic::set_hook(Box::new(|panic| SAID.set(panic.to_string())));
}

/// The message of the last panic. Empty if there was none, for example when memory ran out.
#[wasm_bindgen(js_name = lastPanic)]
pub fn last_panic() -> String {
    SAID.take()
}
