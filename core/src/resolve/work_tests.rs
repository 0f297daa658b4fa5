//! Work grows with the values that there are, and not with the places where there are none.

use crate::{Encoder, Settings, StreamEncoder, StreamSettings, Target, work};

/// The steps of encoding these rows.
fn steps(settings: &Settings, text: &str) -> u64 {
    work::of(|| {
        let mut encoder = Encoder::new(settings.clone()).unwrap();
        encoder.push_json(text.as_bytes()).unwrap();
        encoder.finish(&Target::new(0, "c")).unwrap();
    })
}

/// Rows of which each has a name that no other has, where that name stands, and whether rows of
/// other kinds are between them.
fn rows(count: usize, row: impl Fn(usize) -> String) -> String {
    (0..count).map(|n| row(n) + "\n").collect()
}

/// Its name, the most steps for each row, and its rows.
type Form = (&'static str, u64, fn(usize) -> String);

const FORMS: [Form; 7] = [
    ("at the top", 200, |n| format!("{{\"f{n}\":{n}}}")),
    ("few at the top, each in many rows", 200, |n| format!("{{\"f{}\":{n}}}", n % 900)),
    ("in an object", 200, |n| format!("{{\"a\":{{\"f{n}\":{n}}}}}")),
    ("few in an object", 200, |n| format!("{{\"a\":{{\"f{}\":[{n}]}}}}", n % 300)),
    // Each column below a list has repetition levels of its own: that is Parquet.
    ("in a list", 900 * 4, |n| format!("{{\"l\":[{{\"f{}\":{n}}},{{}}]}}", n % 900)),
    ("in a list of lists", 200, |n| format!("{{\"l\":[[{{\"f{n}\":\"x\"}}],[]]}}")),
    ("of changing kinds", 200, |n| match n % 2 {
        0 => format!("{{\"f{}\":{n}}}", n % 800),
        _ => format!("{{\"f{}\":[{{\"x\":{n}}},null]}}", n % 800),
    }),
];

#[test]
fn twice_the_rows_are_twice_the_work() {
    let settings = Settings::default();
    for (form, most, row) in FORMS {
        let [small, large] = [4_000, 8_000].map(|count| steps(&settings, &rows(count, row)));
        let per_row = large / 8_000;
        assert!(large < small * 5 / 2, "{form}: {small} steps, then {large}");
        assert!(per_row < most, "{form}: {per_row} steps for each row");
    }
}

#[test]
fn files_that_go_on_cost_no_more_for_the_names_of_the_first() {
    // Row groups behind the first know the thousand columns, and get a thousand names more.
    let stream = |count| {
        let text = rows(count, |n| format!("{{\"f{n}\":{n}}}"));
        work::of(|| {
            let cut = StreamSettings { row_group_bytes_max: 4 << 20, ..StreamSettings::default() };
            let target = Target::new(0, "c");
            let mut stream = StreamEncoder::new(Settings::default(), cut, target).unwrap();
            stream.push_json(text.as_bytes()).unwrap();
            stream.finish().unwrap();
        })
    };
    let [small, large] = [20_000, 40_000].map(stream);
    assert!(large < small * 5 / 2, "{small} steps, then {large}");
}

#[test]
fn one_row_of_many_elements_costs_no_more_for_each_name_that_one_of_them_has() {
    let names: Vec<String> = (0..500).map(|at| format!("\"f{at}\":1")).collect();
    let all = format!("{{{}}}", names.join(","));
    let text = |elements: usize| format!("{{\"l\":[{all},{}{all}]}}", "{},".repeat(elements));
    let [small, large] = [20_000, 40_000].map(|n| steps(&Settings::default(), &text(n)));
    assert!(large < 40_000 * 20 && large < small * 5 / 2, "{small} steps, then {large}");
}

#[test]
fn more_levels_than_fit_are_an_error() {
    // Every second element is null, so that each of the columns has a level for each element.
    let names: Vec<String> = (0..900).map(|at| format!("\"f{at}\":1")).collect();
    let text = format!("{{\"l\":[{{{}}},{}{{}}]}}", names.join(","), "{},null,".repeat(30_000));
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    encoder.push_json(text.as_bytes()).unwrap();
    let error = encoder.finish(&Target::new(0, "c")).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Limit);
    assert!(error.to_string().contains("l[].f"), "{error}");
}

#[cfg(feature = "decode")]
#[test]
fn rare_fields_come_back() {
    use crate::{ParquetFile, Projection};
    for (form, _, row) in FORMS {
        let text = rows(1_500, row);
        let mut encoder = Encoder::new(Settings::default()).unwrap();
        encoder.push_json(text.as_bytes()).unwrap();
        let file = encoder.finish(&Target::new(0, "c")).unwrap();
        let file = ParquetFile::open(file.bytes).unwrap();
        let found: Vec<serde_json::Value> = file
            .rows(&Projection::All)
            .unwrap()
            .map(|row| row.unwrap().to_value().unwrap())
            .collect();
        let given = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let given: Vec<serde_json::Value> = given.collect();
        assert!(found == given, "{form}");
    }
}
