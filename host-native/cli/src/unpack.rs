//! Decompresses input: gzip members or zstd frames, one after the other.

use std::io::{BufRead, Cursor, Read};
use std::{fmt, io};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The bytes of a skippable frame's header: magic number and length.
const SKIPPABLE_HEAD_BYTES: usize = 8;

/// How an input is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packer {
    /// RFC 1952: one member or several.
    Gzip,
    /// RFC 8878: frames, some of which may be skippable.
    Zstd,
}

impl Packer {
    /// The compression of an input that begins with these bytes.
    pub fn of(mark: &[u8]) -> Option<Self> {
        match mark {
            [0x1f, 0x8b, ..] => Some(Packer::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packer::Zstd),
            _ if is_skippable(mark) => Some(Packer::Zstd),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Packer::Gzip => "gzip",
            Packer::Zstd => "zstd",
        }
    }
}

/// A frame without text. Some tools write one first.
fn is_skippable(mark: &[u8]) -> bool {
    matches!(mark, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Reads the text of a compressed input.
///
/// A byte order mark at the start of a piece is dropped, because compressed files may be
/// concatenated. It is kept if the text before it does not end a line: there it may be part of a
/// string that two pieces share. Zeros may follow the last piece, as `tar` and tapes leave them.
pub struct Unpacked<R: BufRead> {
    packer: Packer,
    piece: Piece<R>,
    /// The start of the piece's text, read to look for a byte order mark.
    start: Cursor<Vec<u8>>,
    /// Whether the text so far is empty, or ends a line.
    at_line_start: bool,
    has_begun: bool,
}

enum Piece<R: BufRead> {
    Gzip(Box<flate2::bufread::GzDecoder<Ahead<R>>>),
    Zstd(Box<zstd::Decoder<'static, Ahead<R>>>),
    /// Between two pieces.
    Between(Ahead<R>),
    /// At the end, or behind an error.
    Over,
}

impl<R: BufRead> Unpacked<R> {
    /// Decompresses `from`, which must begin with this compression's magic number.
    pub fn new(packer: Packer, from: R) -> Self {
        Unpacked {
            packer,
            piece: Piece::Between(Ahead { bytes: Cursor::default(), from }),
            start: Cursor::default(),
            at_line_start: true,
            has_begun: false,
        }
    }

    /// Opens the next piece, if there is one.
    fn open(&mut self, mut from: Ahead<R>) -> io::Result<()> {
        let mark = from.peek(SKIPPABLE_HEAD_BYTES)?;
        match Packer::of(&mark) {
            Some(packer) if packer == self.packer => {}
            _ if mark.is_empty() && self.has_begun => return Ok(()),
            _ => return from.only_zeros(self.packer),
        }
        self.has_begun = true;
        self.piece = match self.packer {
            Packer::Gzip => Piece::Gzip(Box::new(flate2::bufread::GzDecoder::new(from))),
            Packer::Zstd if is_skippable(&mark) => {
                from.skip_frame(&mark)?;
                Piece::Between(from)
            }
            Packer::Zstd => Piece::Zstd(Box::new(zstd::Decoder::with_buffer(from)?.single_frame())),
        };
        self.leave_mark_out()
    }

    fn leave_mark_out(&mut self) -> io::Result<()> {
        let mut start = Vec::with_capacity(BYTE_ORDER_MARK.len());
        while start.len() < BYTE_ORDER_MARK.len() {
            let mut piece = [0; BYTE_ORDER_MARK.len()];
            let count = self.read_piece(&mut piece[start.len()..])?;
            if count == 0 {
                break;
            }
            start.extend_from_slice(&piece[start.len()..][..count]);
        }
        if self.at_line_start && start == BYTE_ORDER_MARK {
            start.clear();
        }
        self.start = Cursor::new(start);
        Ok(())
    }

    /// Reads text of the open piece; 0 bytes at its end.
    fn read_piece(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        retried(|| match &mut self.piece {
            Piece::Gzip(piece) => piece.read(buffer),
            Piece::Zstd(piece) => piece.read(buffer),
            Piece::Between(_) | Piece::Over => Ok(0),
        })
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let count = match self.start.read(buffer)? {
                0 => self.read_piece(buffer)?,
                count => count,
            };
            if count > 0 {
                self.at_line_start = buffer[count - 1] == b'\n';
                return Ok(count);
            }
            match std::mem::replace(&mut self.piece, Piece::Over) {
                Piece::Gzip(piece) => self.piece = Piece::Between(piece.into_inner()),
                Piece::Zstd(piece) => self.piece = Piece::Between(piece.finish()),
                Piece::Between(from) => self.open(from)?,
                Piece::Over => return Ok(0),
            }
        }
    }
}

/// A reader that can look ahead.
struct Ahead<R> {
    bytes: Cursor<Vec<u8>>,
    from: R,
}

impl<R: BufRead> Ahead<R> {
    /// The next `count` bytes, without consuming them. Fewer only at the end.
    fn peek(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(count);
        self.by_ref().take(count as u64).read_to_end(&mut bytes)?;
        // Bytes of an earlier look that were not read now come after them.
        let at = usize::try_from(self.bytes.position()).unwrap_or(usize::MAX);
        let rest = self.bytes.get_ref().get(at..).unwrap_or_default();
        self.bytes = Cursor::new([&bytes[..], rest].concat());
        Ok(bytes)
    }

    /// Skips the frame that begins with `head`.
    fn skip_frame(&mut self, head: &[u8]) -> io::Result<()> {
        let length = head.get(4..SKIPPABLE_HEAD_BYTES).and_then(|bytes| bytes.try_into().ok());
        let length: [u8; 4] = length.ok_or(io::ErrorKind::UnexpectedEof)?;
        let bytes = SKIPPABLE_HEAD_BYTES as u64 + u64::from(u32::from_le_bytes(length));
        match io::copy(&mut self.by_ref().take(bytes), &mut io::sink())? == bytes {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Reads to the end. Anything but zeros is an error.
    fn only_zeros(mut self, packer: Packer) -> io::Result<()> {
        loop {
            let bytes = retried(|| self.fill_buf().map(<[u8]>::len))?;
            let bytes = &self.fill_buf()?[..bytes];
            if bytes.is_empty() {
                return Ok(());
            }
            if bytes.iter().any(|byte| *byte != 0) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, Behind(packer)));
            }
            let count = bytes.len();
            self.consume(count);
        }
    }
}

impl<R: BufRead> Read for Ahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.bytes.read(buffer)? {
            0 => self.from.read(buffer),
            count => Ok(count),
        }
    }
}

impl<R: BufRead> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.bytes.position() < self.bytes.get_ref().len() as u64 {
            true => self.bytes.fill_buf(),
            false => self.from.fill_buf(),
        }
    }

    fn consume(&mut self, count: usize) {
        match self.bytes.position() < self.bytes.get_ref().len() as u64 {
            true => self.bytes.consume(count),
            false => self.from.consume(count),
        }
    }
}

/// The error of an input that continues after its last piece.
#[derive(Debug)]
pub struct Behind(Packer);

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.name();
        write!(f, "bytes that are no {name} data follow its {name} data; remove them")
    }
}

impl std::error::Error for Behind {}

/// Repeats `read` while signals interrupt it.
fn retried<T>(mut read: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
