//! Reads the inputs of `put`: files and standard input, plain or compressed.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use super::failure::Failure;
use super::option_names::in_our_words;
use super::progress::{Measured, Progress};
use super::unpack::{Behind, Packer, Unpacked};

/// The size of one slice.
const SLICE_BYTES: usize = 1 << 20;
/// How much to decompress after a refused row, in search of damage that explains it. A limit is
/// needed because a compressed file can become any size.
const SEARCHED_BYTES_MAX: u64 = 256 << 20;
/// The length of the longest magic number.
const MARK_BYTES_MAX: usize = 6;
const TAKEN: &str = "put takes NDJSON or a JSON array, plain or compressed with gzip or zstd";

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file, a named pipe or a device.
    File(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Stdin => f.write_str("standard input"),
            Source::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The inputs that the arguments name, or standard input if it is a pipe or a file.
pub fn sources(files: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    if files.is_empty() {
        if io::stdin().is_terminal() {
            return Err(Failure::usage(
                "no FILE is given and standard input is a terminal; give a file, or `-` to type \
                 rows",
            ));
        }
        return Ok(vec![Source::Stdin]);
    }
    let sources: Vec<Source> = files
        .iter()
        .map(|path| if path == Path::new("-") { Source::Stdin } else { Source::File(path.clone()) })
        .collect();
    if sources.iter().filter(|source| **source == Source::Stdin).count() > 1 {
        return Err(Failure::usage(
            "`-` is given twice, but standard input can be read only once; leave one out",
        ));
    }
    // All are checked first: a typo in the last name must not cost the reading of the others.
    for source in &sources {
        if let Source::File(path) = source {
            let facts = fs::metadata(path).map_err(|error| unreadable(source, &error))?;
            if facts.is_dir() {
                return Err(Failure::run(format_args!(
                    "{source} is a folder; give the files in it"
                )));
            }
        }
    }
    Ok(sources)
}

/// The size of all inputs together, if each has one.
pub fn bytes_total(sources: &[Source]) -> Option<u64> {
    sources
        .iter()
        .map(|source| match source {
            Source::Stdin => None,
            Source::File(path) => {
                fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|facts| facts.len())
            }
        })
        .sum()
}

/// Whether the rows are typed at a terminal.
pub fn is_typed(sources: &[Source]) -> bool {
    sources.contains(&Source::Stdin) && io::stdin().is_terminal()
}

/// Reads one input to its end, decompresses it if needed, and passes its JSON text to `take` in
/// slices. Compressed input that is cut short or damaged is an error. `on_form` is told whether the
/// input is compressed.
pub fn read(
    source: &Source,
    progress: &mut Progress,
    on_form: &dyn Fn(bool),
    take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let raw: Box<dyn Read> = match source {
        Source::Stdin => Box::new(io::stdin().lock()),
        Source::File(path) => {
            Box::new(File::open(path).map_err(|error| unreadable(source, &error))?)
        }
    };
    let mut raw = Measured { inner: raw, progress };
    let mut mark = Vec::with_capacity(MARK_BYTES_MAX);
    (&mut raw)
        .take(MARK_BYTES_MAX as u64)
        .read_to_end(&mut mark)
        .map_err(|error| unreadable(source, &error))?;
    let form = Form::of(&mark);
    on_form(matches!(form, Form::Packed(_)));
    let whole = BufReader::with_capacity(SLICE_BYTES, Cursor::new(mark).chain(raw));
    match form {
        Form::Plain => hand_on(whole, take, |error| unreadable(source, &error)),
        Form::Packed(packer) => read_packed(source, packer, whole, take),
        Form::Foreign(name) => Err(Failure::run(format_args!("{source} is {name}; {TAKEN}"))),
    }
}

fn read_packed(
    source: &Source,
    packer: Packer,
    packed: impl BufRead,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let explain = |error| damaged(source, packer.name(), &error);
    let mut unpacked = Unpacked::new(packer, packed);
    let mut mark = Vec::with_capacity(MARK_BYTES_MAX);
    (&mut unpacked).take(MARK_BYTES_MAX as u64).read_to_end(&mut mark).map_err(explain)?;
    let outer = packer.name();
    match Form::of(&mark) {
        Form::Plain => hand_on_unpacked(Cursor::new(mark).chain(unpacked), take, explain),
        Form::Packed(inner) => Err(Failure::run(format_args!(
            "{source} is compressed twice, as {} within {outer}; decompress it once, and put the \
             result",
            inner.name()
        ))),
        Form::Foreign(name) => Err(Failure::run(format_args!(
            "{source} is compressed with {outer}, and what it holds is {name}; {TAKEN}"
        ))),
    }
}

/// Reads a small text file. A file larger than `bytes_max` is an error.
pub fn read_small(path: &Path, bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(bytes_max.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        return Err(io::Error::other(format!("it is larger than {bytes_max} bytes")));
    }
    Ok(text)
}

/// The format, by the first bytes: the extension of a file's name may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Packed(Packer),
    /// A format that people give by mistake. The JSON error for it would not help them.
    Foreign(&'static str),
}

impl Form {
    fn of(mark: &[u8]) -> Self {
        if let Some(packer) = Packer::of(mark) {
            return Form::Packed(packer);
        }
        match mark {
            [b'P', b'A', b'R', b'1', ..] => Form::Foreign("a Parquet file"),
            [b'P', b'K', 3, 4, ..] => Form::Foreign("a zip archive"),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Form::Foreign("compressed with bzip2"),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => Form::Foreign("compressed with xz"),
            [0x04, 0x22, 0x4d, 0x18, ..] => Form::Foreign("compressed with lz4"),
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Form::Foreign("text in UTF-32"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Form::Foreign("text in UTF-16"),
            _ => Form::Plain,
        }
    }
}

/// Like `hand_on`. Damage often shows as a row that is no JSON, long before the checksum is read.
/// So after a refused row, some more of the input is decompressed: the error then names the damage
/// and not its effect.
fn hand_on_unpacked(
    mut from: impl Read,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    explain: impl Fn(io::Error) -> Failure,
) -> Result<(), Failure> {
    match hand_on(&mut from, take, &explain) {
        Err(refused @ Failure::Run(_)) => {
            hand_on(from.take(SEARCHED_BYTES_MAX), &mut |_| Ok(()), explain).and(Err(refused))
        }
        result => result,
    }
}

fn hand_on(
    mut from: impl Read,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    explain: impl Fn(io::Error) -> Failure,
) -> Result<(), Failure> {
    let mut slice = vec![0; SLICE_BYTES];
    loop {
        match from.read(&mut slice) {
            Ok(0) => return Ok(()),
            Ok(count) => take(&slice[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(explain(error)),
        }
    }
}

fn unreadable(source: &Source, error: &io::Error) -> Failure {
    Failure::run(format_args!("cannot read {source}: {error}"))
}

fn damaged(source: &Source, packer: &str, error: &io::Error) -> Failure {
    if error.get_ref().is_some_and(|inner| inner.is::<Behind>()) {
        return Failure::run(format_args!(
            "{source}: {error}, or create or download the file again"
        ));
    }
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof => "cut short".to_owned(),
        _ => format!("damaged ({error})"),
    };
    Failure::run(format_args!(
        "{source}: its {packer} data is {what}; create or download the file again"
    ))
}

/// The message of an error in one of several inputs.
pub(super) fn in_sources(sources: &[Source], error: &coldpress_core::Error) -> String {
    let names: Vec<String> = sources.iter().map(Source::to_string).collect();
    format!("{}: {}", names.join(", "), in_our_words(error))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let mut text = Vec::new();
        let mut progress = Progress::new(None, false);
        read(&Source::File(file.path().to_owned()), &mut progress, &|_| {}, &mut |slice| {
            text.extend_from_slice(slice);
            Ok(())
        })?;
        assert_eq!(progress.bytes_read(), bytes.len() as u64);
        Ok(text)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn plain_and_packed_give_the_same_text() {
        let text = "{\"a\":\"é\"}\n".repeat(200_000).into_bytes();
        assert_eq!(read_bytes(&text).unwrap(), text);
        assert_eq!(read_bytes(&gzip(&text)).unwrap(), text);
        assert_eq!(read_bytes(&zstd::encode_all(&*text, 1).unwrap()).unwrap(), text);
        assert_eq!(read_bytes(b"").unwrap(), b"");
        assert_eq!(read_bytes(b"{}").unwrap(), b"{}");
    }

    #[test]
    fn members_and_frames_follow_each_other() {
        let two = [gzip(b"{\"a\":1}\n"), gzip(b"{\"a\":2}\n")].concat();
        assert_eq!(read_bytes(&two).unwrap(), b"{\"a\":1}\n{\"a\":2}\n");
        let frame = |text: &[u8]| zstd::encode_all(text, 3).unwrap();
        assert_eq!(read_bytes(&[frame(b"{}"), frame(b"{}")].concat()).unwrap(), b"{}{}");
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7][..], &frame(b"{}")].concat();
        assert_eq!(read_bytes(&skippable).unwrap(), b"{}");
        let between = [&frame(b"{}"), &skippable[..]].concat();
        assert_eq!(read_bytes(&between).unwrap(), b"{}{}");
        assert!(read_bytes(&between[..frame(b"{}").len() + 9]).is_err());
    }

    #[test]
    fn zeros_may_follow_and_nothing_else() {
        for packed in [gzip(b"{}"), zstd::encode_all(&b"{}"[..], 1).unwrap()] {
            let with = |behind: &[u8]| read_bytes(&[&packed, behind].concat());
            for zeros in [1, 10, 100_000] {
                assert_eq!(with(&vec![0; zeros]).unwrap(), b"{}");
            }
            for behind in [&b"garbage"[..], b"\0\0x", b"x", b"{}"] {
                let line = with(behind).unwrap_err().line().unwrap();
                assert!(line.contains("data follow its"), "{line}");
            }
        }
        // Of zeros alone no byte is packed.
        assert_eq!(read_bytes(&[0; 20]).unwrap(), [0; 20]);
    }

    #[test]
    fn what_is_packed_twice_says_so() {
        let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
        for twice in [gzip(&gzip(b"{}")), gzip(&zstd(b"{}")), zstd(&gzip(b"{}"))] {
            let line = read_bytes(&twice).unwrap_err().line().unwrap();
            assert!(line.contains("compressed twice"), "{line}");
        }
        let line = read_bytes(&gzip(b"PAR1....PAR1")).unwrap_err().line().unwrap();
        assert!(line.contains("what it holds is a Parquet file"), "{line}");
    }

    #[test]
    fn each_piece_may_begin_with_a_byte_order_mark() {
        let marked = |text: &str| format!("\u{feff}{text}").into_bytes();
        for pack in [gzip, |text: &[u8]| zstd::encode_all(text, 1).unwrap()] {
            let joined = [pack(&marked("{}\n")), pack(&marked("[]\n")), pack(&marked(""))].concat();
            assert_eq!(read_bytes(&joined).unwrap(), b"{}\n[]\n");
            // In a string that two pieces share, it is part of the text.
            let shared = [pack(b"{\"a\":\""), pack(&marked("x\"}"))].concat();
            assert_eq!(read_bytes(&shared).unwrap(), "{\"a\":\"\u{feff}x\"}".as_bytes());
            // Not a whole one.
            assert_eq!(read_bytes(&pack(b"\xef\xbb")).unwrap(), b"\xef\xbb");
        }
    }

    #[test]
    fn packed_input_cut_anywhere_is_an_error() {
        let text: Vec<u8> =
            (0..2_000).flat_map(|i| format!("{{\"a\":{i}}}\n").into_bytes()).collect();
        let two = [gzip(&text), gzip(&text)].concat();
        let whole = gzip(&text).len();
        for packed in [two, zstd::encode_all(&*text, 3).unwrap()] {
            for end in (MARK_BYTES_MAX..packed.len()).step_by(97).chain([packed.len() - 1]) {
                if end != whole {
                    assert!(
                        read_bytes(&packed[..end]).is_err(),
                        "cut at {end} of {}",
                        packed.len()
                    );
                }
            }
        }
    }

    #[test]
    fn a_refused_row_does_not_unpack_all_that_follows() {
        // A gzip member of a mebibyte again and again, without end.
        struct Endless(Vec<u8>, usize);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = buffer.len().min(self.0.len() - self.1);
                buffer[..count].copy_from_slice(&self.0[self.1..self.1 + count]);
                self.1 = (self.1 + count) % self.0.len();
                Ok(count)
            }
        }
        let members = BufReader::new(Endless(gzip(&vec![b'x'; 1 << 20]), 0));
        let unpacked = Unpacked::new(Packer::Gzip, members);
        let refused = &mut |_: &[u8]| Err(Failure::run("a row is too large"));
        let failure = hand_on_unpacked(unpacked, refused, Failure::run).unwrap_err();
        assert!(failure.line().unwrap().contains("a row is too large"));
    }

    #[test]
    fn small_files_are_not_large() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"12345").unwrap();
        assert_eq!(read_small(file.path(), 5).unwrap(), "12345");
        assert!(read_small(file.path(), 4).unwrap_err().to_string().contains("larger than 4"));
    }

    #[test]
    fn foreign_forms_are_named() {
        for (bytes, name) in [
            (&b"PAR1...."[..], "Parquet"),
            (b"\xfd7zXZ\0", "xz"),
            (b"PK\x03\x04", "zip"),
            (b"\xff\xfe{\0", "UTF-16"),
            (b"\xff\xfe\0\0{\0\0\0", "UTF-32"),
            (b"\0\0\xfe\xff\0\0\0{", "UTF-32"),
        ] {
            let line = read_bytes(bytes).unwrap_err().line().unwrap();
            assert!(line.contains(name), "{line}");
        }
    }
}
