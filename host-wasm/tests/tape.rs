//! Tapes into files, and files back into rows, in whatever engine runs the tests.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)] // Tests all of it, but clippy knows only `#[test]`.

use coldpress_wasm::{Fault, RawEncoder, RawFile, RawSettings, object_key, parse_object_key};
use js_sys::Uint8Array;
use wasm_bindgen_test::wasm_bindgen_test;

const DOUBLE: u8 = 5;
const STRING: u8 = 7;
const OPEN_OBJECT: u8 = 8;
const CLOSE_OBJECT: u8 = 9;
const OPEN_ARRAY: u8 = 10;
const CLOSE_ARRAY: u8 = 11;
const KEY: u8 = 12;

fn encoder() -> RawEncoder {
    RawEncoder::new(RawSettings::new()).unwrap()
}

fn finish(encoder: RawEncoder) -> RawFile {
    encoder.finish("", 7, "rows".to_owned(), None, None, false).unwrap()
}

fn hash(file: &RawFile) -> Vec<u8> {
    Uint8Array::to_vec(&file.bytes())
}

/// `{"é":["😀",0.5]}` and then `{"é":"x"}`.
fn tape(encoder: &mut RawEncoder) -> Result<(), Fault> {
    let ops = [
        OPEN_OBJECT,
        KEY,
        OPEN_ARRAY,
        STRING,
        DOUBLE,
        CLOSE_ARRAY,
        CLOSE_OBJECT,
        OPEN_OBJECT,
        KEY,
        STRING,
        CLOSE_OBJECT,
    ];
    // The name's number and length, the string's length; the name's number, the string's length.
    encoder.push_tape(&ops, &[0, 1, 2, 0, 1], &[0.5], "é😀x".as_bytes(), 4)
}

#[wasm_bindgen_test]
fn a_tape_gives_the_bytes_of_its_json() {
    let (mut taped, mut read) = (encoder(), encoder());
    tape(&mut taped).unwrap();
    read.push_json("{\"é\":[\"😀\",0.5]}\n{\"é\":\"x\"}".as_bytes()).unwrap();
    read.end_json().unwrap();
    assert_eq!((taped.rows(), read.rows()), (2.0, 2.0));
    let (taped, read) = (finish(taped), finish(read));
    assert_eq!(taped.key(), "7/rows/lsn-0-1.parquet");
    assert_eq!(taped.rescued_paths(), ["é"]);
    assert_eq!(hash(&taped), hash(&read));
}

#[wasm_bindgen_test]
fn a_tape_that_makes_no_sense_is_refused_whatever_it_says() {
    // Every prefix of a good tape, and every byte of it replaced by every operation there is.
    let good = [OPEN_OBJECT, KEY, OPEN_ARRAY, STRING, DOUBLE, CLOSE_ARRAY, CLOSE_OBJECT];
    for length in 1..good.len() {
        let fault = encoder().push_tape(&good[..length], &[0, 1, 1], &[0.5], b"kv", 2).unwrap_err();
        assert_eq!(fault.code(), "Misuse", "{length}");
    }
    for at in 0..good.len() {
        for op in 0..=u8::MAX {
            let mut ops = good;
            ops[at] = op;
            let mut encoder = encoder();
            if let Err(fault) = encoder.push_tape(&ops, &[0, 1, 1], &[0.5], b"kv", 2) {
                assert!(["Misuse", "Row"].contains(&fault.code().as_str()), "{at} {op}");
                assert!(encoder.end_json().is_err(), "it takes nothing more");
            }
        }
    }
}

#[wasm_bindgen_test]
fn halves_of_a_pair_in_two_strings_are_refused() {
    let ops = [OPEN_OBJECT, KEY, OPEN_ARRAY, STRING, STRING, CLOSE_ARRAY, CLOSE_OBJECT];
    let fault = encoder().push_tape(&ops, &[0, 1, 1, 1], &[], "k😀".as_bytes(), 3).unwrap_err();
    assert_eq!(fault.code(), "Misuse");
}

#[wasm_bindgen_test]
fn a_number_that_is_none_is_refused() {
    let ops = [OPEN_OBJECT, KEY, DOUBLE, CLOSE_OBJECT];
    for double in [f64::NAN, f64::INFINITY] {
        assert!(encoder().push_tape(&ops, &[0, 1], &[double], b"k", 1).is_err());
    }
}

#[wasm_bindgen_test]
fn faults_say_where() {
    let mut encoder = encoder();
    let fault = encoder.push_json(b"{\"a\":1}\n{\"a\":}").unwrap_err();
    assert_eq!((fault.code().as_str(), fault.row(), fault.line()), ("Row", Some(1.0), Some(2.0)));
    assert!(fault.message().contains("line 2"), "{}", fault.message());
}

#[wasm_bindgen_test]
fn keys_are_an_inverse_pair() {
    let key = object_key("data", u64::MAX, "a/b", 0, u64::MAX, true).unwrap();
    let parsed = parse_object_key("data/", &key).unwrap();
    assert_eq!(
        (parsed.tenant(), parsed.collection().as_deref(), parsed.min_lsn(), parsed.max_lsn()),
        (Some(u64::MAX), Some("a/b"), Some(0), Some(u64::MAX))
    );
    assert_eq!(parse_object_key("", "7/x/lsn-2-1.parquet").unwrap_err().code(), "Key");
}

#[cfg(feature = "decode")]
#[wasm_bindgen_test]
fn rows_come_back() {
    use std::{cell::RefCell, rc::Rc};
    use wasm_bindgen::{JsCast, closure::Closure};

    let mut encoder = encoder();
    tape(&mut encoder).unwrap();
    let bytes = hash(&finish(encoder));
    let taken = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&taken);
    let take = Closure::<dyn FnMut(String, bool)>::new(move |text, marked| {
        seen.borrow_mut().push((text, marked));
    });
    let take = take.as_ref().unchecked_ref();
    coldpress_wasm::decode(bytes.clone(), None, true, false, take).unwrap();
    let rows = "[{\"_id\":\"0\",\"é\":[\"😀\",0.5]},{\"_id\":\"1\",\"é\":\"x\"}]";
    assert_eq!(*taken.borrow(), [(rows.to_owned(), false)]);
    assert!(coldpress_wasm::inspect(bytes).unwrap().contains("\"collection\":\"rows\""));
    assert!(coldpress_wasm::inspect(vec![1, 2, 3]).is_err_and(|fault| fault.code() == "Corrupt"));
}

#[wasm_bindgen_test]
fn a_row_larger_than_the_settings_allow_is_an_error() {
    let mut settings = RawSettings::new();
    settings.row_bytes_max(30);
    let mut encoder = RawEncoder::new(settings).unwrap();
    // Its array of a text and a number takes 1 + 9 + 13 + 9.
    let fault = tape(&mut encoder).unwrap_err();
    assert_eq!((fault.code(), fault.row()), ("Limit".to_owned(), Some(0.0)));
}
