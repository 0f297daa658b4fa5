//! The token file. It is read as a whole or not at all, and read again when it changes.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use coldpress::{Error, ErrorKind, Result};
use coldpress_listen::Shown;

use super::tokens::Tokens;

/// The largest token file: some ten thousand tokens.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// How often to check whether the file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The tokens of a server, which may change while it runs.
#[derive(Debug)]
pub struct TokenSource {
    file: Option<PathBuf>,
    seen: Mutex<Option<Stamp>>,
    tokens: RwLock<Arc<Tokens>>,
}

/// Tells one state of the file from another, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

impl TokenSource {
    /// Fixed tokens, as long as the server runs.
    pub fn fixed(tokens: Tokens) -> Self {
        TokenSource { file: None, seen: Mutex::new(None), tokens: RwLock::new(Arc::new(tokens)) }
    }

    /// The tokens of a file. An error if it cannot be read, has no token, or if others than its
    /// owner and group can read it.
    pub fn file(path: &Path) -> Result<Self> {
        let (tokens, stamp) = read(path)?;
        if tokens.count() == 0 {
            let message = "the token file has no token, so nobody could get a grant; add the line \
                           that `coldpress token --tenant N` prints";
            return Err(Error::settings(message).at(path.display().to_string()));
        }
        Ok(TokenSource {
            file: Some(path.to_owned()),
            seen: Mutex::new(Some(stamp)),
            tokens: RwLock::new(Arc::new(tokens)),
        })
    }

    /// The tokens that are valid now.
    pub fn tokens(&self) -> Arc<Tokens> {
        Arc::clone(&self.tokens.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file again. If that fails, the tokens stay as they were.
    pub fn reload(&self) -> Result<()> {
        let Some(path) = &self.file else { return Ok(()) };
        let (tokens, stamp) = match read(path) {
            Ok(read) => read,
            Err(error) => {
                let said = error.to_string();
                tracing::error!(error = %Shown(&said), "bad token file; the old tokens stay valid");
                return Err(error);
            }
        };
        let count = tokens.count();
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tokens);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(stamp);
        if count == 0 {
            tracing::warn!("the token file has no token now: nobody can get a grant");
        } else {
            tracing::info!(tokens = count, "read the token file");
        }
        Ok(())
    }

    /// Reads the file again when it changes. Ends only with the runtime.
    pub async fn follow(self: Arc<Self>) {
        let Some(path) = self.file.clone() else { return };
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let (source, path) = (Arc::clone(&self), path.clone());
            // On a thread of its own, so that a disk that hangs does not block requests.
            let looking = tokio::task::spawn_blocking(move || source.reload_if_changed(&path));
            // The log has the outcome.
            let _ = looking.await;
        }
    }

    fn reload_if_changed(&self, path: &Path) {
        let now = std::fs::metadata(path).ok().map(|metadata| Stamp::of(&metadata));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return;
        }
        // Noted before it is read, so that a bad file is reported only once.
        *seen = now;
        drop(seen);
        // The log has the outcome.
        let _ = self.reload();
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Stamp { modified: metadata.modified().ok(), bytes: metadata.len(), inode }
    }
}

fn read(path: &Path) -> Result<(Tokens, Stamp)> {
    let shown = || path.display().to_string();
    let failed = |error| Error::from_io(&error, "read the token file", path);
    let file = open(path).map_err(failed)?;
    // Of the open file, because the name may belong to another file a moment later.
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::settings(
            "the token file is no file, but a folder, a pipe or a device; give a file",
        )
        .at(shown()));
    }
    check_permissions(&metadata).map_err(|error| error.at(shown()))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!(
            "the token file is larger than {FILE_BYTES_MAX} bytes; remove lines that are no longer \
             used"
        );
        return Err(Error::new(ErrorKind::Limit, message).at(shown()));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::settings("the token file is not UTF-8 text; write it again with `coldpress token`")
            .at(shown())
    })?;
    let tokens = Tokens::parse(&text).map_err(|error| error.at(shown()))?;
    Ok((tokens, Stamp::of(&metadata)))
}

/// Opens the file without waiting: opening a pipe would wait for a writer.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        let now = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, now);
    }
    options.open(path)
}

/// Nobody can find a token from its hash. But the file says which tenants exist, and whoever can
/// write it can add a token.
#[cfg(unix)]
fn check_permissions(metadata: &Metadata) -> Result<()> {
    let mode = std::os::unix::fs::MetadataExt::mode(metadata);
    if mode & 0o027 == 0 {
        return Ok(());
    }
    Err(Error::settings(format!(
        "the token file can be read by everybody on this machine, or written by its group (mode \
         {:03o}); run `chmod 600` (or 640) on it",
        mode & 0o777
    )))
}

#[cfg(not(unix))]
fn check_permissions(_: &Metadata) -> Result<()> {
    // On Windows, a file in a user's own folder belongs to that user only.
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::tokens::{Rights, Token};
    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let line = Token::new().unwrap().line(1, Rights::WRITE, &[]).unwrap();
        for (mode, taken) in
            [(0o600, true), (0o640, true), (0o400, true), (0o644, false), (0o660, false)]
        {
            write(&path, &line, mode);
            assert_eq!(TokenSource::file(&path).is_ok(), taken, "{mode:o}");
        }
        let error = TokenSource::file(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Settings);
        write(&path, "# nobody yet\n", 0o600);
        assert!(TokenSource::file(&path).unwrap_err().to_string().contains("no token"));
        assert!(TokenSource::file(folder.path()).is_err());
        let missing = TokenSource::file(&folder.path().join("none")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_pipe_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&path).status();
        assert!(made.unwrap().success());
        let error = TokenSource::file(&path).unwrap_err();
        assert!(error.to_string().contains("is no file"), "{error}");
    }

    #[test]
    fn a_file_that_cannot_be_taken_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let (token, next) = (Token::new().unwrap(), Token::new().unwrap());
        write(&path, &token.line(1, Rights::WRITE, &[]).unwrap(), 0o600);
        let source = TokenSource::file(&path).unwrap();
        write(&path, "1 half a line", 0o600);
        assert!(source.reload().is_err());
        assert!(source.tokens().find(token.reveal()).is_some());
        write(&path, &next.line(2, Rights::WRITE, &[]).unwrap(), 0o600);
        source.reload().unwrap();
        assert!(source.tokens().find(token.reveal()).is_none());
        assert_eq!(source.tokens().find(next.reveal()).unwrap().tenant_id(), 2);
        write(&path, "", 0o600);
        source.reload().unwrap();
        assert!(source.tokens().find(next.reveal()).is_none());
    }
}
