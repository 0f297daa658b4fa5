//! Texts RFC 8259 leaves to the reader, and what this one does with each.

use crate::Verdict::{self, Refused, Taken};

pub const CASES: &[(&str, Verdict, &[u8])] = &[
    // No double holds them: kept as they were written.
    ("i_number_past_double", Taken, b"1e400"),
    ("i_number_past_double_negative", Taken, b"-1e400"),
    ("i_number_below_double", Taken, b"1e-400"),
    ("i_number_huge_exp", Taken, b"0.4e00669999999999999999999999999999999999999999999999999999999999999999999999999999969999999006"),
    ("i_number_huge_negative_exp", Taken, b"123.456e-789"),
    ("i_number_int_past_double", Taken, b"-237462374673276894279832749832423479823246327846"),
    ("i_number_exp_past_i64", Taken, b"1e99999999999999999999"),
    ("i_number_exp_past_minus_i64", Taken, b"1e-99999999999999999999"),
    ("i_number_zero_huge_exp", Taken, b"0e99999999999999999999"),
    ("i_number_double_rounding_to_max", Taken, b"1.7976931348623158e308"),
    ("i_number_double_just_past_max", Taken, b"1.7976931348623159e308"),
    // A Parquet STRING is UTF-8, which has no lone surrogates: refused, never replaced.
    ("i_string_lone_high_surrogate", Refused, b"\"\\uD800\""),
    ("i_string_lone_low_surrogate", Refused, b"\"\\uDC00\""),
    ("i_string_surrogates_the_wrong_way", Refused, b"\"\\uDd1e\\uD834\""),
    ("i_string_high_surrogate_twice", Refused, b"\"\\uD888\\uD888\""),
    ("i_string_high_surrogate_then_letter", Refused, b"\"\\uD800a\""),
    ("i_string_high_surrogate_then_escape", Refused, b"\"\\uD800\\n\""),
    ("i_string_high_surrogate_then_bmp", Refused, b"\"\\uD800\\u0041\""),
    ("i_string_high_surrogate_then_pair", Refused, b"\"\\uD800\\uD800\\uDC00\""),
    ("i_string_high_surrogate_raw_low", Refused, b"\"\\uD800\xed\xb0\x80\""),
    ("i_object_key_lone_surrogate", Refused, b"{\"\\uDFAA\":0}"),
    // Text must be UTF-8.
    ("i_string_invalid_utf8", Refused, b"\"\xff\""),
    ("i_string_lone_continuation", Refused, b"\"\x81\""),
    ("i_string_cut_two_bytes", Refused, b"\"\xc3\""),
    ("i_string_cut_three_bytes", Refused, b"\"\xe6\x97\""),
    ("i_string_cut_four_bytes", Refused, b"\"\xf0\x9f\x98\""),
    ("i_string_overlong_2", Refused, b"\"\xc0\xaf\""),
    ("i_string_overlong_6", Refused, b"\"\xfc\x83\xbf\xbf\xbf\xbf\""),
    ("i_string_overlong_nul", Refused, b"\"\xc0\x80\""),
    ("i_string_past_unicode", Refused, b"\"\xf4\x90\x80\x80\""),
    ("i_string_raw_surrogate", Refused, b"\"\xed\xa0\x80\""),
    ("i_string_latin_1", Refused, b"\"\xe9\""),
    ("i_string_invalid_utf8_far_in", Refused, b"\"0123456789012345678901234567890123456789\xff\""),
    ("i_string_utf16_le_with_bom", Refused, b"\xff\xfe[\x00\"\x00\xe9\x00\"\x00]\x00"),
    ("i_structure_utf8_bom_alone", Refused, b"\xef\xbb\xbf"),
];

/// A byte order mark: none may be written, a reader may ignore it (RFC 8259, section 8.1). The
/// encoder ignores one before all input, as editors put it there; it is no part of a document.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf{\"v\":1}\n";
