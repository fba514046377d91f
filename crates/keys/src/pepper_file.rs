//! The pepper of a gateway that was given none: made at the first start, and kept beside the store.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};
use trunkline_core::{Error, ErrorKind, Secret};

use crate::pepper::hex;

const NAME: &str = "pepper";
const BYTES: usize = 32;

/// The secret that stands in the file `pepper` of a folder. Where there is none it is made, of 256 random bits, for its
/// owner's eyes alone.
///
/// # Errors
///
/// `Configuration` if the file can neither be read nor made, or is empty.
pub fn pepper_of_folder(folder: &Path) -> Result<Secret, Error> {
    let path = folder.join(NAME);
    let secret = match File::open(&path) {
        Ok(file) => read(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => made(folder, &path),
        Err(error) => Err(error),
    };
    let secret = secret.map_err(|error| {
        let message = format!("the pepper of keys, {}, can neither be read nor made", path.display());
        Error::new(ErrorKind::Configuration, message).with_source(error)
    })?;
    if secret.is_empty() {
        let message = format!(
            "the pepper of keys, {}, is empty: put back what stood there, or remove it and all keys with it",
            path.display()
        );
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    Ok(secret)
}

/// The same, and `None` where there is none yet: nothing is made.
///
/// # Errors
///
/// `Configuration` if the file cannot be read, or is empty.
pub fn existing_pepper(folder: &Path) -> Result<Option<Secret>, Error> {
    if folder.join(NAME).exists() { pepper_of_folder(folder).map(Some) } else { Ok(None) }
}

fn read(mut file: File) -> io::Result<Secret> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(Secret::new(text.trim()))
}

/// A pepper of 256 random bits, for keys that need not outlive the process.
///
/// # Errors
///
/// `Internal` if the system gives no random bytes.
pub fn random_pepper() -> Result<Secret, Error> {
    random::<BYTES>().map(Secret::new).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

/// So many random bytes, as hexadecimal digits.
fn random<const N: usize>() -> io::Result<String> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(hex(&bytes))
}

/// Written under another name first: whoever starts at the same time finds a whole pepper or none.
fn made(folder: &Path, path: &Path) -> io::Result<Secret> {
    let text = random::<BYTES>()?;
    let draft = folder.join(format!("{NAME}.{}", random::<8>()?));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(File::open(path)?),
        Err(error) => Err(error),
        Ok(()) => Ok(Secret::new(text)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_pepper_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(existing_pepper(folder.path()).expect("looked for").is_none());
        let first = pepper_of_folder(folder.path()).expect("made");
        assert_eq!(first.expose().len(), 2 * BYTES);
        assert_eq!(pepper_of_folder(folder.path()).expect("read").expose(), first.expose());
        let existing = existing_pepper(folder.path()).expect("read").expect("it is there");
        assert_eq!(existing.expose(), first.expose());
        let path = folder.path().join(NAME);
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no draft is left");
        std::fs::write(&path, " \n").expect("written");
        assert_eq!(
            pepper_of_folder(folder.path()).map_err(|error| error.kind()).err(),
            Some(ErrorKind::Configuration)
        );
    }

    #[test]
    fn of_many_who_start_at_once_all_have_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let made: Vec<String> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..8).map(|_| scope.spawn(|| pepper_of_folder(folder.path()))).collect();
            started
                .into_iter()
                .map(|one| one.join().expect("no panic").expect("a pepper").expose().to_owned())
                .collect()
        });
        assert!(made.iter().all(|pepper| *pepper == made[0]));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = pepper_of_folder(Path::new("/nowhere/at/all")).expect_err("no folder");
        assert!(error.message().contains("/nowhere/at/all/pepper"), "{error}");
    }
}
