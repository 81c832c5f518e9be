//! What differs from one operating system to another.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// Fills `into` from `offset` on, without a cursor.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

/// Fills `into` from `offset` on.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, mut into: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt as _;
    while !into.is_empty() {
        let read = file.seek_read(into, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        into = into.get_mut(read..).unwrap_or_default();
        offset += read as u64;
    }
    Ok(())
}

/// Makes sure that names made or removed in the folder survive a crash.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes sure that the folder is there; elsewhere than on unix, names need no sync of their own.
#[cfg(not(unix))]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    folder.metadata().map(drop)
}

/// Whether that is what a file system says that knows no sync of this kind.
#[cfg(unix)]
pub(crate) fn cannot_sync(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let says = [Errno::INVAL, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOSYS, Errno::BADF];
    says.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Whether that is what a file system says that knows no sync of this kind.
#[cfg(not(unix))]
pub(crate) fn cannot_sync(_error: &io::Error) -> bool {
    false
}

/// Whether what was to be read is lost, and not only out of reach for the moment: the medium does
/// not give it back, or what has the name is no file.
#[cfg(unix)]
pub(crate) fn is_lost(error: &io::Error) -> bool {
    use rustix::io::Errno;
    #[cfg(target_os = "linux")]
    const MORE: [Errno; 3] = [Errno::NODATA, Errno::UCLEAN, Errno::REMOTEIO];
    #[cfg(not(target_os = "linux"))]
    const MORE: [Errno; 0] = [];
    let is = |errno: &Errno| error.raw_os_error() == Some(errno.raw_os_error());
    [Errno::IO, Errno::ISDIR, Errno::BADMSG].iter().chain(&MORE).any(is)
}

/// Whether what was to be read is lost, and not only out of reach for the moment.
#[cfg(not(unix))]
pub(crate) fn is_lost(error: &io::Error) -> bool {
    // CRC, I/O device, file corrupt, disk corrupt.
    [23, 1117, 1392, 1393].iter().any(|code| error.raw_os_error() == Some(*code))
}

/// Fails if this user may not make files in the folder.
#[cfg(unix)]
pub(crate) fn check_writable(folder: &Path) -> io::Result<()> {
    use rustix::fs::Access;
    Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Not known here before a file is made.
#[cfg(not(unix))]
pub(crate) fn check_writable(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// What a device has, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    /// All there is.
    pub(crate) size: u64,
    /// Free for this user.
    pub(crate) free: u64,
}

/// What the device of a folder has.
#[cfg(unix)]
pub(crate) fn space(folder: &Path) -> io::Result<Space> {
    let stat = rustix::fs::statvfs(folder)?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(Space { size: bytes(stat.f_blocks), free: bytes(stat.f_bavail) })
}

/// What the device of a folder has: not known here, so no limit.
#[cfg(not(unix))]
pub(crate) fn space(_folder: &Path) -> io::Result<Space> {
    Ok(Space { size: 0, free: u64::MAX })
}

/// The device that a folder lies on.
#[cfg(unix)]
pub(crate) fn of(folder: &Path) -> io::Result<u64> {
    Ok(std::os::unix::fs::MetadataExt::dev(&folder.metadata()?))
}

/// The device that a folder lies on: not known here, so all are one.
#[cfg(not(unix))]
pub(crate) fn of(_folder: &Path) -> io::Result<u64> {
    Ok(0)
}

/// Bytes that a file really takes.
#[cfg(unix)]
pub(crate) fn allocated(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(metadata).saturating_mul(512)
}

/// Bytes that a file takes.
#[cfg(not(unix))]
pub(crate) fn allocated(metadata: &Metadata) -> u64 {
    metadata.len()
}

/// Gives back the bytes from `offset` on, if the file system can; whether it did.
#[cfg(target_os = "linux")]
pub(crate) fn punch(file: &File, offset: u64, length: u64) -> io::Result<Punched> {
    use rustix::fs::FallocateFlags;
    use rustix::io::Errno;
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match rustix::fs::fallocate(file, flags, offset, length) {
        Ok(()) => Ok(Punched::Freed),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(Punched::Unable),
        Err(error) => Err(error.into()),
    }
}

/// Gives nothing back: there is no call for it here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn punch(_file: &File, _offset: u64, _length: u64) -> io::Result<Punched> {
    Ok(Punched::Unable)
}

/// Takes space ahead of a file's end, so that appending is quick; whether it could.
#[cfg(target_os = "linux")]
pub(crate) fn take_ahead(file: &File, offset: u64, length: u64) -> bool {
    rustix::fs::fallocate(file, rustix::fs::FallocateFlags::KEEP_SIZE, offset, length).is_ok()
}

/// Takes no space ahead: appending is only slower without it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn take_ahead(_file: &File, _offset: u64, _length: u64) -> bool {
    false
}

/// What became of a range that is no longer needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Punched {
    /// Its space is free again.
    Freed,
    /// It stays until its whole file goes.
    Unable,
}
