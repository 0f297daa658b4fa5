//! The folder of the development store. No name leads out of it: neither by `..` nor by a symbolic
//! link, not even one that is created while a file is being opened. Each step uses an open folder
//! (`cap-std`). Links are not followed at all. Anything but files and folders is not opened. All
//! functions block.

use std::fs::File;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirEntry, Metadata, OpenOptions};
use coldpress::staged::{STAGED_END, STAGED_START};
use coldpress_listen::hex;

/// A folder by its path. It is opened for each use, because it may be made or deleted at any time.
#[derive(Debug)]
pub(super) struct Root(PathBuf);

impl Root {
    pub(super) fn new(path: &Path) -> Self {
        Root(path.to_owned())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Opens the folder of these names, which must exist.
    pub(super) fn folder<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> io::Result<Dir> {
        let root = Dir::open_ambient_dir(&self.0, ambient_authority())?;
        names.into_iter().try_fold(root, |folder, name| enter(&folder, name))
    }

    /// The same, but makes missing folders: durably, so that what is then put into them stays.
    pub(super) fn make_folder<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> io::Result<Dir> {
        if !self.0.is_dir() {
            std::fs::create_dir_all(&self.0)?;
            let above = self.0.parent().unwrap_or(&self.0);
            sync(&Dir::open_ambient_dir(above, ambient_authority())?)?;
        }
        let root = self.folder([])?;
        names.into_iter().try_fold(root, |folder, name| {
            match folder.create_dir(name) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            let made = enter(&folder, name)?;
            sync(&folder)?;
            Ok(made)
        })
    }

    /// Makes a staged file in the folder of these names.
    pub(super) fn stage<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> io::Result<Staged> {
        Staged::open(self.make_folder(names)?)
    }
}

/// Opens a folder within a folder.
pub(super) fn enter(folder: &Dir, name: &str) -> io::Result<Dir> {
    match folder.symlink_metadata(name)?.is_dir() {
        true => folder.open_dir(name),
        false => Err(io::ErrorKind::NotADirectory.into()),
    }
}

/// Opens a file within a folder for reading. Anything but a file counts as missing: reading a pipe
/// could wait forever.
pub(super) fn open(folder: &Dir, name: &str) -> io::Result<(File, Metadata)> {
    let regular = |facts: &Metadata| match facts.is_file() {
        true => Ok(()),
        false => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    regular(&folder.symlink_metadata(name)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        // Something else may have taken the name just now.
        let now = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
        cap_std::fs::OpenOptionsExt::custom_flags(&mut options, now.bits().cast_signed());
    }
    let file = folder.open_with(name, &options)?;
    let facts = file.metadata()?;
    regular(&facts)?;
    Ok((file.into_std(), facts))
}

/// The files and folders in a folder, in no order, with names in UTF-8: no request can have other
/// names. Links, pipes, sockets and devices are skipped.
pub(super) fn entries(folder: &Dir) -> io::Result<Vec<(String, DirEntry)>> {
    let mut found = Vec::new();
    for entry in folder.entries()? {
        let entry = entry?;
        // It may have been deleted since the folder was read.
        let Ok(kind) = entry.file_type() else { continue };
        if let Ok(name) = entry.file_name().into_string()
            && (kind.is_file() || kind.is_dir())
        {
            found.push((name, entry));
        }
    }
    Ok(found)
}

/// Makes the names in a folder durable.
pub(super) fn sync(folder: &Dir) -> io::Result<()> {
    // Windows cannot sync a folder, and its file system needs no such sync.
    if cfg!(windows) {
        return Ok(());
    }
    // `try_clone` gives a handle that cannot be synced. This one can.
    match folder.open(".").and_then(|folder| folder.sync_all()) {
        // File systems that cannot sync folders return one of these two errors.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// A staged file: it is being written, and is no object yet. It is deleted when dropped.
#[derive(Debug)]
pub(super) struct Staged {
    folder: Dir,
    name: String,
    file: File,
}

impl Staged {
    fn open(folder: Dir) -> io::Result<Self> {
        let random = hex::random::<8>()?;
        let name = format!("{STAGED_START}{random}{STAGED_END}");
        // Always a new file, and never one behind a link.
        let file = folder.open_with(&name, OpenOptions::new().write(true).create_new(true))?;
        Ok(Staged { folder, name, file: file.into_std() })
    }

    /// Appends.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Publishes the file under this name in that folder, durably. False if the name is taken.
    pub(super) fn publish(&self, folder: &Dir, name: &str) -> io::Result<bool> {
        self.file.sync_all()?;
        match self.folder.hard_link(&self.name, folder, name) {
            Ok(()) => sync(folder).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        match self.folder.remove_file(&self.name) {
            // If its upload was aborted, the folder is deleted already.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let name = &self.name;
                tracing::warn!(name, %error, "cannot delete a staged file; delete it by hand");
            }
            _ => {}
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A store beside a secret, with every kind of link that could lead to it.
    fn store() -> (tempfile::TempDir, Root) {
        let outside = tempfile::tempdir().unwrap();
        let at = outside.path();
        std::fs::create_dir_all(at.join("secret/deep")).unwrap();
        std::fs::write(at.join("secret/file"), "secret").unwrap();
        std::fs::create_dir_all(at.join("store/inside")).unwrap();
        std::fs::write(at.join("store/inside/file"), "mine").unwrap();
        symlink("../secret", at.join("store/folder")).unwrap();
        symlink(at.join("secret"), at.join("store/absolute")).unwrap();
        symlink("../secret/file", at.join("store/link")).unwrap();
        symlink("nothing", at.join("store/dangling")).unwrap();
        symlink(".", at.join("store/circle")).unwrap();
        symlink("inside", at.join("store/within")).unwrap();
        let root = Root::new(&at.join("store"));
        (outside, root)
    }

    #[test]
    fn no_link_is_followed_anywhere() {
        let (outside, root) = store();
        for link in ["folder", "absolute", "circle", "within", "dangling", "link"] {
            assert!(root.folder([link]).is_err(), "{link}");
            assert!(root.make_folder([link, "new"]).is_err(), "{link}");
            assert!(root.stage([link]).is_err(), "{link}");
            assert!(open(&root.folder([]).unwrap(), link).is_err(), "{link}");
        }
        assert!(root.folder([".."]).and_then(|up| enter(&up, "secret")).is_err());
        let names = entries(&root.folder([]).unwrap()).unwrap();
        assert_eq!(names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["inside"]);
        let mine = open(&root.folder(["inside"]).unwrap(), "file").unwrap();
        assert_eq!(io::read_to_string(mine.0).unwrap(), "mine");
        let there = std::fs::read_dir(outside.path().join("secret")).unwrap().count();
        assert_eq!(there, 2, "nothing was made or deleted outside");
    }

    #[test]
    fn a_pipe_keeps_nobody_waiting_and_a_link_is_never_overwritten() {
        let (_outside, root) = store();
        let made = std::process::Command::new("mkfifo").arg(root.path().join("pipe")).status();
        assert!(made.unwrap().success());
        let folder = root.folder([]).unwrap();
        assert!(open(&folder, "pipe").is_err());
        assert!(entries(&folder).unwrap().iter().all(|(name, _)| name != "pipe"));
        let mut staged = root.stage(["new"]).unwrap();
        staged.write(b"x").unwrap();
        for taken in ["link", "dangling", "pipe", "inside"] {
            assert!(!staged.publish(&folder, taken).unwrap(), "{taken}");
        }
        assert!(staged.publish(&folder, "object").unwrap());
        drop(staged);
        assert!(entries(&root.folder(["new"]).unwrap()).unwrap().is_empty());
        assert_eq!(std::fs::read(root.path().join("object")).unwrap(), b"x");
    }
}
