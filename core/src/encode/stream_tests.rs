use serde_json::json;

use super::*;
use crate::{Encoder, Policy, Schema};

/// The files of a stream, with their ends.
fn drain(stream: &mut StreamEncoder, files: &mut Vec<(StreamedFile, Vec<u8>)>, open: &mut Vec<u8>) {
    while let Some(output) = stream.poll() {
        match output {
            StreamOutput::Bytes(bytes) => open.extend_from_slice(&bytes),
            StreamOutput::File(end) => {
                assert_eq!(end.bytes, open.len() as u64);
                files.push((end, std::mem::take(open)));
            }
            StreamOutput::Tail(tail) => panic!("a tail that nobody asked for: {tail:?}"),
        }
    }
}

fn stream_of(settings: &Settings, cut: &StreamSettings, target: &Target) -> StreamEncoder {
    StreamEncoder::new(settings.clone(), cut.clone(), target.clone()).unwrap()
}

/// `text` pushed in slices of these lengths, over and over.
fn files(
    settings: &Settings,
    cut: &StreamSettings,
    text: &str,
    slices: &[usize],
) -> Vec<(StreamedFile, Vec<u8>)> {
    let mut stream = stream_of(settings, cut, &Target::new(7, "c"));
    let (mut files, mut open, mut rest) = (Vec::new(), Vec::new(), text.as_bytes());
    for length in slices.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (slice, behind) = rest.split_at((*length).min(rest.len()));
        stream.push_json(slice).unwrap();
        drain(&mut stream, &mut files, &mut open);
        rest = behind;
    }
    stream.finish().unwrap();
    drain(&mut stream, &mut files, &mut open);
    assert!(open.is_empty());
    files
}

fn cut(row_group_bytes_max: usize, file_bytes_max: u64) -> StreamSettings {
    StreamSettings { row_group_bytes_max, file_bytes_max, first_lsn: 0 }
}

/// Rows whose form changes on the way: types, new fields, own ids, depth, long texts.
fn changing(rows: usize) -> String {
    let row = |n: usize| match n {
        _ if n % 97 == 13 => json!({"n": "text", "tags": "none", "deep": {"x": [n, "y"]}}),
        _ if n < rows / 3 => json!({"n": n, "tags": ["a", "b"], "deep": {"x": n}}),
        _ if n < rows / 2 => json!({"_id": format!("own {n}"), "n": n, "late": n as f64 + 0.5}),
        _ => {
            json!({"n": n, "late": "text", "deep": {"y": "é".repeat(n % 200)}, "_rescued_data": n})
        }
    };
    (0..rows).map(|n| row(n).to_string() + "\n").collect()
}

#[test]
fn rows_that_fit_at_once_make_the_file_of_an_encoder() {
    for text in [changing(300), changing(1), format!("[{}]", changing(5).trim().replace('\n', ","))]
    {
        let settings = Settings { row_group_rows_max: 100, ..Settings::default() };
        let mut encoder = Encoder::new(settings.clone()).unwrap();
        encoder.push_json(text.as_bytes()).unwrap();
        let file = encoder.finish(&Target::new(7, "c")).unwrap();
        let found = files(&settings, &StreamSettings::default(), &text, &[text.len()]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1, file.bytes);
        assert_eq!((&found[0].0.key, &found[0].0.summary), (&file.key, &file.summary));
    }
}

#[test]
fn rows_that_just_fill_it_have_nothing_behind_them_to_make_room_for() {
    let text = changing(20);
    let mut builder = Encoder::new(Settings::default()).unwrap();
    builder.push_json(text.as_bytes()).unwrap();
    builder.end_json().unwrap();
    let full = builder.intake.builder.bytes();
    let whole = builder.finish(&Target::new(7, "c")).unwrap();
    let found = files(&Settings::default(), &cut(full, 1), &text, &[7]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, whole.bytes);
}

#[test]
fn slices_change_no_byte() {
    let lines = changing(700);
    let array = format!("[{}]", lines.trim().replace('\n', ",\n"));
    for text in [lines, array] {
        for cut in [cut(3_000, 1), cut(20_000, 9_000), cut(1, 1 << 20)] {
            let whole = files(&Settings::default(), &cut, &text, &[text.len()]);
            for slices in [&[1][..], &[3, 500, 20_000], &[64 << 10]] {
                assert_eq!(
                    files(&Settings::default(), &cut, &text, slices),
                    whole,
                    "{cut:?} {slices:?}"
                );
            }
        }
    }
}

#[test]
fn where_a_row_group_ends_is_a_matter_of_the_rows_alone() {
    // Fields that are rarely there, so that most of what is held are places where they are not.
    let row = |n: usize| match n % 23 {
        0 => json!({"n": n, format!("rare {}", n % 7): [{"deep": n}, {"x": {"y": n}}]}),
        1 => json!({"n": n, "other": {"rare": "é".repeat(n % 50), "z": null}}),
        _ => json!({"n": n}),
    };
    let text: String = (0..600).map(|n| row(n).to_string() + "\n").collect();
    for group in (500..9_000).step_by(611) {
        let cut = cut(group, 1);
        let rows = |slices: &[usize]| -> Vec<u64> {
            let files = files(&Settings::default(), &cut, &text, slices);
            files.iter().map(|(end, _)| end.summary.rows).collect()
        };
        assert_eq!(rows(&[5]), rows(&[text.len()]), "{group}");
    }
    // The very same on machines of 32 and of 64 bits, which these tests run on both.
    let files = files(&Settings::default(), &cut(5_000, 1), &text, &[999]);
    let rows: Vec<u64> = files.iter().map(|(end, _)| end.summary.rows).collect();
    assert_eq!(rows, [70, 76, 78, 76, 76, 77, 77, 70]);
}

#[test]
fn files_roll_where_they_are_large_and_count_their_lsns() {
    let start = StreamSettings { first_lsn: 50, ..cut(5_000, 4_000) };
    let found = files(&Settings::default(), &start, &changing(1_000), &[4_096]);
    assert!(found.len() > 3, "{}", found.len());
    let mut next = 50;
    for (end, bytes) in &found {
        let lsns = end.key.lsns().unwrap();
        assert_eq!(lsns.min(), next);
        assert_eq!(lsns.max() - lsns.min() + 1, end.summary.rows);
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
        next = lsns.max() + 1;
    }
    assert_eq!(next, 1_050);
}

#[test]
fn files_are_about_as_large_as_they_should_be() {
    // Of 28 MB in memory; a row group of the default size would take them all.
    let row = |n: u64| {
        let text = format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ n >> 3);
        format!("{{\"text\":\"{text}{text}\",\"n\":{n},\"m\":{}}}\n", n * n % 1_000_003)
    };
    let text: String = (0..400_000).map(row).collect();
    let start = StreamSettings { file_bytes_max: 1 << 20, ..StreamSettings::default() };
    let settings = Settings { codec: crate::Codec::Snappy, ..Settings::default() };
    let found = files(&settings, &start, &text, &[text.len()]);
    let sizes: Vec<u64> = found.iter().map(|(end, _)| end.bytes).collect();
    assert!(sizes.len() > 5, "{sizes:?}");
    let within = |size: &u64| ((1 << 20)..=(5 << 18)).contains(size);
    assert!(sizes[..sizes.len() - 1].iter().all(within), "{sizes:?}");
    assert_eq!(files(&settings, &start, &text, &[50_001]), found, "in whatever slices");
}

#[test]
fn a_named_range_is_one_file_whose_key_is_known_before() {
    let range = LsnRange::new(9, 10_000).unwrap();
    let target = Target { lsns: Some(range), ..Target::new(7, "c") };
    let mut stream = stream_of(&Settings::default(), &cut(5_000, 1), &target);
    stream.push_json(changing(250).as_bytes()).unwrap();
    stream.finish().unwrap();
    let (mut files, mut open) = (Vec::new(), Vec::new());
    drain(&mut stream, &mut files, &mut open);
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].0.key.as_str(), "7/c/lsn-9-10000.parquet");
}

#[test]
fn own_ids_that_come_or_go_begin_another_file() {
    let row = |n: usize| match (20..40).contains(&n) {
        true => format!("{{\"_id\":{n},\"n\":{n}}}\n"),
        false => format!("{{\"n\":{n}}}\n"),
    };
    let text: String = (0..60).map(row).collect();
    let found = files(&Settings::default(), &cut(60, 1 << 20), &text, &[11]);
    // Rows with ids can be rescued where there are none, but not the other way round.
    assert_eq!(found.len(), 1);
    let text: String = (20..60).map(row).collect();
    let found = files(&Settings::default(), &cut(60, 1 << 20), &text, &[11]);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].0.summary.rescued, []);
}

#[test]
fn errors_count_rows_over_the_whole_stream_and_end_it() {
    let good: String = (0..500).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let mut stream = stream_of(&Settings::default(), &cut(500, 1), &Target::new(0, "c"));
    stream.push_json(good.as_bytes()).unwrap();
    let error = stream.push_json(b"{\"n\":}\n").unwrap_err();
    assert_eq!((error.kind(), error.row(), error.line()), (ErrorKind::Row, Some(500), Some(501)));
    for error in [stream.push_row("x", &json!({})), stream.finish()] {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Misuse);
    }

    let schema = Schema::from_json(r#"{"columns":[{"name":"n","type":"int64"}]}"#).unwrap();
    let strict = Settings { schema: Some(schema), policy: Policy::Strict, ..Settings::default() };
    let mut stream = stream_of(&strict, &cut(500, 1), &Target::new(0, "c"));
    stream.push_json(good.as_bytes()).unwrap();
    stream.push_row("x", &json!({"n": "text"})).unwrap();
    let error = stream.finish().unwrap_err();
    assert_eq!((error.row(), error.id(), error.column()), (Some(500), Some("x"), Some("n")));
}

#[test]
fn what_cannot_be_is_refused() {
    let new =
        |cut, target| StreamEncoder::new(Settings::default(), cut, target).unwrap_err().kind();
    assert_eq!(new(cut(0, 1), Target::new(0, "c")), ErrorKind::Settings);
    assert_eq!(new(cut(1, 0), Target::new(0, "c")), ErrorKind::Settings);
    assert_eq!(new(cut(1, 1), Target::new(0, "")), ErrorKind::Key);

    let mut none = stream_of(&Settings::default(), &cut(1, 1), &Target::new(0, "c"));
    assert_eq!(none.finish().unwrap_err().kind(), ErrorKind::Row);
    assert!(none.poll().is_none());

    let last = StreamSettings { first_lsn: u64::MAX - 1, ..cut(1, 1) };
    let mut stream = stream_of(&Settings::default(), &last, &Target::new(0, "c"));
    stream.push_json(b"{}{}{}").unwrap();
    assert_eq!(stream.finish().unwrap_err().kind(), ErrorKind::Key);
    assert_eq!(stream.push_json(b"{}").unwrap_err().kind(), ErrorKind::Misuse);
}

#[cfg(feature = "decode")]
mod decoded {
    use super::*;
    use crate::{ParquetFile, Projection};

    #[test]
    fn every_row_comes_back_whatever_the_first_ones_were() {
        let text = changing(900);
        for cut in [cut(1, 2_000), cut(4_000, 1), cut(9_000, 30_000), StreamSettings::default()] {
            let mut rows = Vec::new();
            for (end, bytes) in files(&Settings::default(), &cut, &text, &[10_000]) {
                let file = ParquetFile::open(Bytes::from(bytes)).unwrap();
                let before = rows.len() as u64;
                for row in file.rows(&Projection::All).unwrap() {
                    let row = row.unwrap();
                    let value = row.to_value().unwrap();
                    let own = value.get("_id").and_then(Value::as_str).map(str::to_owned);
                    assert_eq!(row.id(), own.unwrap_or_else(|| rows.len().to_string()));
                    rows.push(value);
                }
                assert_eq!(rows.len() as u64 - before, end.summary.rows);
            }
            let given = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            assert_eq!(rows, given.collect::<Vec<_>>(), "{cut:?}");
        }
    }

    #[test]
    fn new_fields_are_rescued_until_the_next_file_has_them_as_columns() {
        let row = |n: usize| match n {
            0..100 => format!("{{\"n\":{n}}}\n"),
            _ => format!("{{\"n\":{n},\"new\":\"{n}\"}}\n"),
        };
        let text: String = (0..1_000).map(row).collect();
        let found = files(&Settings::default(), &cut(2_000, 1_500), &text, &[999]);
        let (first, second) = (&found[0].0.summary, &found[1].0.summary);
        assert!(first.schema.column("new").is_none() && second.schema.column("new").is_some());
        let (path, count) = (&*first.rescued[0].path, first.rescued[0].count);
        assert_eq!((path, count), ("new", first.rows - 100));
        assert_eq!(second.rescued, []);
    }
}

/// The files of a stream whose LSNs come late, each as its bytes before the tail, and the tail.
fn late(mut stream: StreamEncoder, text: &str) -> Vec<(Vec<u8>, FileTail)> {
    stream.push_json(text.as_bytes()).unwrap();
    stream.finish().unwrap();
    let (mut files, mut open) = (Vec::new(), Vec::new());
    while let Some(output) = stream.poll() {
        match output {
            StreamOutput::Bytes(bytes) => open.extend_from_slice(&bytes),
            StreamOutput::Tail(tail) => files.push((std::mem::take(&mut open), tail)),
            StreamOutput::File(end) => panic!("{end:?}"),
        }
    }
    assert!(open.is_empty());
    files
}

#[test]
fn a_file_sealed_late_is_the_one_whose_lsns_were_known() {
    let text = changing(3_000);
    // A collection whose name looks like what is searched for in the footer.
    let name =
        "c\u{18}\u{11}coldpress.min_lsn\u{18}\u{1}0\0\u{18}\u{11}coldpress.max_lsn\u{18}\u{1}0\0";
    for target in [Target::new(7, "c"), Target::new(7, name)] {
        for first_lsn in [0, 9, 95, 1 << 40, u64::MAX - 2_999] {
            let cut = StreamSettings { first_lsn, ..cut(5_000, 8_000) };
            let mut known = stream_of(&Settings::default(), &cut, &target);
            known.push_json(text.as_bytes()).unwrap();
            known.finish().unwrap();
            let (mut wanted, mut open) = (Vec::new(), Vec::new());
            drain(&mut known, &mut wanted, &mut open);
            assert!(wanted.len() > 2);
            let found = late(stream_of(&Settings::default(), &cut, &target).late_lsns(), &text);
            assert_eq!(found.len(), wanted.len());
            let mut first = first_lsn;
            for ((mut bytes, tail), (end, whole)) in found.into_iter().zip(wanted) {
                let lsns = tail.lsns_from(first).unwrap();
                // A first try at other LSNs leaves no trace.
                tail.seal(LsnRange::new(3, 1 << 50).unwrap()).unwrap();
                let (rest, file) = tail.seal(lsns).unwrap();
                bytes.extend_from_slice(&rest);
                assert!(bytes == whole && file == end, "{first_lsn}");
                first = lsns.max().wrapping_add(1);
            }
        }
    }
}

#[test]
fn rows_that_do_not_fit_behind_an_lsn_are_refused() {
    let (_, tail) = late(
        stream_of(&Settings::default(), &cut(1 << 20, 1 << 20), &Target::new(7, "c")).late_lsns(),
        "{}{}",
    )
    .remove(0);
    assert_eq!(tail.lsns_from(u64::MAX - 1).unwrap().max(), u64::MAX);
    assert_eq!(tail.lsns_from(u64::MAX).unwrap_err().kind(), ErrorKind::Key);
}

#[cfg(feature = "decode")]
#[test]
fn a_resumed_append_goes_on_behind_any_row() {
    let text = changing(600);
    let rows: Vec<&str> = text.lines().collect();
    for slices in [&[usize::MAX][..], &[1_000, 7]] {
        for stored in [0, 1, 7, 300, 599] {
            let cut = cut(20_000, 30_000);
            let mut stream = stream_of(&Settings::default(), &cut, &Target::new(7, "c"));
            stream.resume(Some("nightly"), stored).unwrap();
            let mut rest = text.as_bytes();
            for length in slices.iter().cycle() {
                let (slice, behind) = rest.split_at((*length).min(rest.len()));
                stream.push_json(slice).unwrap();
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
            stream.finish().unwrap();
            let (mut files, mut open) = (Vec::new(), Vec::new());
            drain(&mut stream, &mut files, &mut open);
            let mut next = stored;
            for (end, bytes) in files {
                let file = crate::ParquetFile::open(bytes.into()).unwrap();
                assert_eq!(file.footer().append(), Some(("nightly", next)));
                for row in file.rows(&crate::Projection::All).unwrap() {
                    let row = row.unwrap();
                    let wanted: Value =
                        serde_json::from_str(rows[usize::try_from(next).unwrap()]).unwrap();
                    let id = wanted.get("_id").and_then(Value::as_str).map(str::to_owned);
                    assert_eq!(row.id(), id.unwrap_or_else(|| next.to_string()));
                    assert_eq!(row.to_value().unwrap(), wanted);
                    next += 1;
                }
                assert_eq!(end.summary.rows, file.footer().rows_count());
            }
            assert_eq!(next, 600, "behind {stored}");
        }
    }
}

#[test]
fn a_resumed_append_wants_no_fewer_rows_than_are_stored() {
    let resumed = |stored, rows: usize| {
        let cut = cut(1 << 20, 1 << 20);
        let mut stream = stream_of(&Settings::default(), &cut, &Target::new(7, "c"));
        stream.resume(Some("a"), stored).unwrap();
        for n in 0..rows {
            stream.push_row(&n.to_string(), &json!({ "n": n })).unwrap();
        }
        stream.finish().map(|()| stream)
    };
    let error = resumed(3, 2).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Row);
    assert!(error.to_string().contains("2 rows, but 3 rows"), "{error}");
    assert!(resumed(3, 3).unwrap().poll().is_none());
    assert!(resumed(3, 4).unwrap().poll().is_some());
    assert_eq!(resumed(0, 0).unwrap_err().kind(), ErrorKind::Row);
    let mut begun = stream_of(&Settings::default(), &cut(1 << 20, 1 << 20), &Target::new(7, "c"));
    begun.push_json(b"{}").unwrap();
    assert_eq!(begun.resume(None, 0).unwrap_err().kind(), ErrorKind::Misuse);
}
