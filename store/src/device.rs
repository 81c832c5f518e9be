//! What differs from one operating system to another.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
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

/// Fills `into` from `offset` on if that waits for no disk; whether it did.
#[cfg(target_os = "linux")]
pub(crate) fn read_in_memory_at(file: &File, into: &mut [u8], offset: u64) -> bool {
    use rustix::io::{ReadWriteFlags, preadv2};
    let length = into.len();
    let mut into = [io::IoSliceMut::new(into)];
    preadv2(file, &mut into, offset, ReadWriteFlags::NOWAIT) == Ok(length)
}

/// Whether reading waits for the disk is not known here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn read_in_memory_at(_file: &File, _into: &mut [u8], _offset: u64) -> bool {
    false
}

/// Writes some of the bytes from `offset` on; how many.
#[cfg(unix)]
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

/// Writes some of the bytes from `offset` on; how many.
#[cfg(windows)]
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}

/// Copies some of so many bytes from one file to another; how many, and 0 at the end.
#[cfg(target_os = "linux")]
pub(crate) fn copy(
    from: &File,
    mut offset: u64,
    to: &File,
    mut there: u64,
    length: usize,
) -> io::Result<usize> {
    use rustix::io::Errno;
    match rustix::fs::copy_file_range(from, Some(&mut offset), to, Some(&mut there), length) {
        Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::AGAIN) => {
            copy_by_hand(from, offset, to, there, length)
        }
        copied => Ok(copied?),
    }
}

/// Copies some of so many bytes from one file to another; how many.
#[cfg(not(target_os = "linux"))]
pub(crate) fn copy(
    from: &File,
    offset: u64,
    to: &File,
    there: u64,
    length: usize,
) -> io::Result<usize> {
    copy_by_hand(from, offset, to, there, length)
}

fn copy_by_hand(
    from: &File,
    offset: u64,
    to: &File,
    there: u64,
    length: usize,
) -> io::Result<usize> {
    let mut bytes = vec![0; length.min(1 << 20)];
    read_at(from, &mut bytes, offset)?;
    write_at(to, &bytes, there)
}

/// Where a file of that length has data; all of it where that is not known.
#[cfg(target_os = "linux")]
pub(crate) fn data(file: &File, length: u64) -> Vec<Range<u64>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;
    let mut ranges = Vec::new();
    let mut end = 0;
    while end < length {
        let start = match seek(file, SeekFrom::Data(end)) {
            Ok(start) => start,
            Err(Errno::NXIO) => break,
            Err(_) => return whole(length),
        };
        match seek(file, SeekFrom::Hole(start)) {
            Ok(hole) => end = hole,
            Err(_) => return whole(length),
        }
        ranges.push(start..end);
    }
    ranges
}

/// Where a file of that length has data: not known here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn data(_file: &File, length: u64) -> Vec<Range<u64>> {
    whole(length)
}

fn whole(length: u64) -> Vec<Range<u64>> {
    std::iter::once(0..length).collect()
}

/// Whether the file system lets two files share what they have in common, as tried with these.
#[cfg(target_os = "linux")]
pub(crate) fn can_clone(from: &File, to: &File) -> bool {
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

/// Whether two files can share what they have in common: ranges of them cannot here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn can_clone(_from: &File, _to: &File) -> bool {
    false
}

/// Whether only the owner may read the file.
#[cfg(unix)]
pub(crate) fn is_private(metadata: &Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o377 == 0
}

/// Whether only the owner may read the file: not known here.
#[cfg(not(unix))]
pub(crate) fn is_private(_metadata: &Metadata) -> bool {
    false
}

/// Sets what may be done with a file, by whom.
#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Does nothing: files have no modes here.
#[cfg(not(unix))]
pub(crate) fn set_mode(_path: &Path, _mode: u32) -> io::Result<()> {
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

/// Whether that is what a file system says that knows no locks.
#[cfg(unix)]
pub(crate) fn cannot_lock(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let says = [Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOSYS, Errno::NOLCK];
    says.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Whether that is what a file system says that knows no locks.
#[cfg(not(unix))]
pub(crate) fn cannot_lock(_error: &io::Error) -> bool {
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

/// What became of a range that is no longer needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Punched {
    /// Its space is free again.
    Freed,
    /// It stays until its whole file goes.
    Unable,
}
