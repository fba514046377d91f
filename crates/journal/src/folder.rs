//! The folder of a journal on disk: its lock, and what an earlier process left there.

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use trunkline_core::{Error, ErrorKind};

use crate::block::{Block, BlockFile, open};
use crate::maker::{ENDING, Maker};
use crate::marks::{Marks, MarksFile};
use crate::options::{Durability, Options};
use crate::position::Position;
use crate::segment::{OPENING_BYTES, Opening, Segment, read_opening};
use crate::state::State;

/// What was opened.
pub(crate) struct Opened {
    pub(crate) state: State,
    pub(crate) maker: Maker,
    pub(crate) marks: MarksFile,
    pub(crate) lock: File,
    /// Files that could not be read, and were set aside.
    pub(crate) damaged: usize,
}

/// What the files of a folder hold.
#[derive(Default)]
struct Files {
    /// Those that are wanted, and the epoch that each began in.
    segments: Vec<(Segment, u32)>,
    spare: Vec<Block>,
    damaged: usize,
    /// The last epoch that any began in. Those count that nobody needs: were an epoch used twice, or one before it, a later
    /// process that finds them again would take what is newer for what was cut off.
    epoch: u32,
    /// The number of the next file's name.
    next: u64,
}

/// Opens the folder, and makes it where there is none.
pub(crate) fn open_folder(folder: &Path, options: &Options) -> Result<Opened, Error> {
    make_folder(folder).map_err(|error| unusable("made", folder, &error))?;
    let lock = lock(folder)?;
    let disk = (options.durability == Durability::Sync).then(|| Arc::clone(&options.disk));
    let (mut marks_file, marks) =
        MarksFile::open(folder, disk).map_err(|error| unusable("written", folder, &error))?;
    let files = read_files(folder, options, marks)?;
    let damaged = files.damaged;
    let maker = Maker::new(Some(folder.to_owned()), files.next, options);
    let mut state = begin(files, &maker, marks).map_err(|error| unusable("written", folder, &error))?;
    state.marks = marks.at_most(state.end());
    if state.marks != marks {
        // What came after the end was lost with the machine. New records will stand there, and are not done with.
        marks_file.write(state.marks).map_err(|error| unusable("written", folder, &error))?;
    }
    Ok(Opened { state, maker, marks: marks_file, lock, damaged })
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let file = open(&path, true).map_err(|error| unusable("written", folder, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = "the journal is in use by another process; give each process a folder of its own (--data-dir)";
            Err(Error::new(ErrorKind::Configuration, message).with_source(at(folder, "it is locked")))
        }
        Err(TryLockError::Error(error)) => Err(unusable("locked", folder, &error)),
    }
}

fn unusable(what: &str, folder: &Path, error: &io::Error) -> Error {
    let message = format!("the journal's folder cannot be {what}: {error}");
    Error::new(ErrorKind::StoreUnavailable, message).with_source(at(folder, &error.to_string()))
}

fn at(path: &Path, what: &str) -> io::Error {
    io::Error::other(format!("{}: {what}", path.display()))
}

fn read_files(folder: &Path, options: &Options, marks: Marks) -> Result<Files, Error> {
    let mut files = Files::default();
    let unreadable = |error: &io::Error| unusable("read", folder, error);
    for entry in fs::read_dir(folder).map_err(|error| unreadable(&error))? {
        let path = entry.map_err(|error| unreadable(&error))?.path();
        if path.extension().is_none_or(|ending| ending != ENDING) {
            continue;
        }
        let number =
            path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<u64>().ok());
        files.next = files.next.max(number.map_or(0, |number| number + 1));
        read_file(&mut files, path, options, marks)
            .map_err(|error| unreadable(&error))?
            .map_err(|version| other_version(folder, version))?;
    }
    files.segments.sort_by_key(|(segment, _)| segment.sequence);
    Ok(files)
}

fn other_version(folder: &Path, version: u8) -> Error {
    let message = format!(
        "the journal was written by another version of this program (format {version}); start that version once, so \
         that it delivers what is left, or move the folder away"
    );
    Error::new(ErrorKind::Configuration, message).with_source(at(folder, "an unknown format"))
}

/// Takes one file in; `Err` inside is the version of a file that is not understood.
fn read_file(
    files: &mut Files,
    path: PathBuf,
    options: &Options,
    marks: Marks,
) -> io::Result<Result<(), u8>> {
    let file = BlockFile { file: open(&path, false)?, path };
    let length = usize::try_from(file.file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut bytes = [0; OPENING_BYTES];
    let count = file.read(0, &mut bytes)?;
    let opening = if count < OPENING_BYTES { Opening::Blank } else { read_opening(&bytes) };
    if let Opening::Segment { epoch, .. } = opening {
        files.epoch = files.epoch.max(epoch);
    }
    match opening {
        Opening::Segment { format, .. } if format > options.format => return Ok(Err(format)),
        Opening::Segment { sequence, epoch, .. } if sequence >= marks.first => {
            let block = Block::of(Arc::new(file), length);
            let replaced_until = Position::START;
            let segment = Segment { block, sequence, end: length, held: 0, is_synced: false, replaced_until };
            files.segments.push((segment, epoch));
        }
        // Nothing that anybody needs: room for the next one, if it is as large as the others.
        Opening::Segment { .. } | Opening::Blank if length == options.segment_bytes() => {
            file.write(0, &[0; OPENING_BYTES])?;
            files.spare.push(Block::of(Arc::new(file), length));
        }
        Opening::Segment { .. } | Opening::Blank => fs::remove_file(&file.path)?,
        Opening::Version(version) => return Ok(Err(version)),
        Opening::Damaged => {
            fs::rename(&file.path, file.path.with_extension("damaged"))?;
            files.damaged += 1;
        }
    }
    Ok(Ok(()))
}

/// Goes on where the last process was cut off.
fn begin(files: Files, maker: &Maker, marks: Marks) -> io::Result<State> {
    let Files { segments, mut spare, mut epoch, .. } = files;
    let began_in = segments.last().map_or(0, |(_, epoch)| *epoch);
    let mut sealed: VecDeque<Segment> = segments.into_iter().map(|(segment, _)| segment).collect();
    for block in &mut spare {
        block.ensure_mapped()?;
    }
    let active = match sealed.pop_back() {
        Some(mut last) => {
            last.block.ensure_mapped()?;
            let (ended_in, is_sealed) = last.find_end(began_in);
            epoch = epoch.max(ended_in) + 1;
            if is_sealed {
                // The one behind it was lost with the machine.
                drop(last.block.take_mapping());
                let sequence = last.sequence + 1;
                sealed.push_back(last);
                Segment::begin(taken(&mut spare, maker)?, sequence, epoch, maker.format)
            } else {
                last
            }
        }
        None => {
            epoch += 1;
            Segment::begin(taken(&mut spare, maker)?, marks.first.max(1), epoch, maker.format)
        }
    };
    Ok(State::new(active, sealed, spare, epoch, maker.format))
}

/// A block that nobody uses; a new one where there is none, also past the most that there may be: nothing could be noted
/// else.
fn taken(spare: &mut Vec<Block>, maker: &Maker) -> io::Result<Block> {
    spare.pop().map_or_else(|| maker.make(), Ok)
}
