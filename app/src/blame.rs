//! Who has to act when a use case ends in an error.

use std::borrow::Cow;
use std::error::Error;
use std::io::{self, ErrorKind};

use verifier::consent::ConsentError;
use verifier::{Advice, Code, Coded, Remedy};

use crate::ports::{JournalError, OutputError, PullError, ReserveError};

/// Who or what an error is down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// A file, a manifest or a request is wrong: rejected.
    Input,
    /// A rule says no, or the user did not say yes: rejected.
    Refused,
    /// The disk, a lock or the clock: what is kept stays kept.
    Machine,
    /// The peers lied or went away: trying again may help.
    Peer,
}

/// What every error of a use case answers beside its text.
pub trait Blamed: std::error::Error {
    /// Who has to act.
    fn blame(&self) -> Blame;

    /// The stable code.
    fn code(&self) -> Code;

    /// The key, member or file concerned; `-` where there is none.
    fn field(&self) -> Cow<'_, str>;

    /// What a person can do about it.
    fn advice(&self) -> Advice;
}

/// The code of a machine's failure.
pub const IO_FAILED: Code = Code::new("io", "failed");

/// The code of an act without a live grant.
pub const CONSENT_DENIED: Code = Code::new("consent", "denied");

/// What to do about a failure of this machine, by what the system said; the text of the failure
/// names the file or folder.
pub fn machine_advice(failure: &(dyn Error + 'static)) -> Advice {
    if is_out_of_files(failure) {
        return "Close programs that have many files open, or let this one have more at a time."
            .into();
    }
    Advice::new(match said(failure) {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            "Free some space on that disk, then try again: what is kept stays kept."
        }
        Some(ErrorKind::NotFound) => {
            "See whether it was moved, or lies on a disk that is not connected; then try again."
        }
        Some(ErrorKind::NotADirectory) => {
            "That is a file, or lies in one, and not a folder: name a folder instead."
        }
        Some(ErrorKind::ReadOnlyFilesystem) => {
            "Connect that disk so that it may be written, or use another one, then try again."
        }
        Some(ErrorKind::PermissionDenied) => {
            "See that this user may read and write there, then try again."
        }
        Some(ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::ResourceBusy) => {
            "Wait until the other program is done with it, then try again."
        }
        Some(ErrorKind::InvalidData | ErrorKind::FileTooLarge) => {
            "Put an unchanged copy of that file back if you have one. Without one, rename it, do not \
             delete it, and a new one is begun."
        }
        Some(_) => "Check that disk, then try again: what is kept stays kept.",
        None => {
            "Try again. If it fails again, end the program and start it anew: what is kept stays kept."
        }
    })
}

/// What the system said, if it is down to that.
pub(crate) fn said(failure: &(dyn Error + 'static)) -> Option<ErrorKind> {
    system(failure).map(io::Error::kind)
}

/// Whether this process, or the whole machine, has as many files open as it may: it can do again
/// what failed once some are closed.
pub(crate) fn is_out_of_files(failure: &(dyn Error + 'static)) -> bool {
    system(failure)
        .and_then(io::Error::raw_os_error)
        .is_some_and(|number| OUT_OF_FILES.contains(&number))
}

#[cfg(unix)]
const OUT_OF_FILES: [i32; 2] =
    [rustix::io::Errno::MFILE.raw_os_error(), rustix::io::Errno::NFILE.raw_os_error()];
#[cfg(not(unix))]
const OUT_OF_FILES: [i32; 1] = [4];

/// Whether the disk is full, or this user's share of it.
pub(crate) fn is_full(failure: &(dyn Error + 'static)) -> bool {
    matches!(said(failure), Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

/// Whether nothing can be written on that disk, though what is there can be read.
pub(crate) fn is_unwritable(failure: &(dyn Error + 'static)) -> bool {
    is_full(failure) || said(failure) == Some(ErrorKind::ReadOnlyFilesystem)
}

fn system<'a>(failure: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut error = Some(failure);
    while let Some(cause) = error {
        if let Some(said) = cause.downcast_ref::<io::Error>() {
            return Some(said);
        }
        error = cause.source();
    }
    None
}

impl Blamed for OutputError {
    fn blame(&self) -> Blame {
        Blame::Machine
    }

    fn code(&self) -> Code {
        match self {
            Self::Exists(_) => Code::new("output", "exists"),
            Self::Unsafe(_) => Code::new("output", "unsafe"),
            Self::Spoilt { .. } | Self::Failed { .. } => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Exists(path)
            | Self::Unsafe(path)
            | Self::Spoilt { folder: path, .. }
            | Self::Failed { folder: path, .. } => path.to_string_lossy(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Exists(_) => {
                "Choose another folder or name, or move that file elsewhere; it was left as it is."
                    .into()
            }
            Self::Unsafe(_) => "Name an existing folder, not a link to one.".into(),
            Self::Spoilt { .. } => {
                "Name a folder on another disk, and check that one's health. All \
                                    pieces that were kept are sound, and stay kept."
                    .into()
            }
            Self::Failed { source, .. } => machine_advice(source.as_ref()),
        }
    }
}

impl Blamed for ReserveError {
    fn blame(&self) -> Blame {
        match self {
            Self::OtherManifest { .. } => Blame::Input,
            _ => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::OtherManifest { .. } => Code::new("usage", "arguments"),
            _ => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Quota { .. } | Self::ModelQuota { .. } | Self::TooLow { .. } => "quota",
            Self::Device { .. } => "device",
            Self::OtherManifest { .. } => "manifest",
            Self::Busy | Self::Failed(_) => "store",
        })
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Quota { .. } => {
                Advice::new("Forget a model, or raise the quota.").by(Remedy::MakeRoom)
            }
            Self::ModelQuota { model_id, .. } => {
                let what = format!("Forget a version of {model_id}, or raise the quota it has.");
                Advice::from(what).by(Remedy::MakeRoom)
            }
            Self::TooLow { .. } => {
                "Nothing was changed. Try again: what would go now is shown first.".into()
            }
            Self::Device { .. } => {
                "Free some space on that disk, or use another one, then try again.".into()
            }
            Self::Busy => "Wait until that import has ended.".into(),
            Self::OtherManifest { .. } => {
                let what = "Take the manifest that the library has, or forget the model there \
                            first. Offers that were made of it name that manifest.";
                Advice::new(what).by(Remedy::HandOutManifest)
            }
            Self::Failed(failure) => machine_advice(failure.as_ref()),
        }
    }
}

impl Blamed for JournalError {
    fn blame(&self) -> Blame {
        match self {
            Self::Consent(_) | Self::Broken(_) | Self::Late(_) => Blame::Refused,
            Self::Failed(_) => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Consent(error) => error.code(),
            Self::Broken(broken) => broken.rule.code(),
            Self::Late(_) => CONSENT_DENIED,
            Self::Failed(_) => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Consent(error) => error.field(),
            Self::Broken(broken) => broken.rule.field(),
            Self::Late(_) => Cow::Borrowed("expires_utc"),
            Self::Failed(_) => Cow::Borrowed("consent.log"),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Broken(broken) => broken.rule.advice(),
            Self::Late(_) => "Nothing was done. Run it again, and answer before that time.".into(),
            Self::Failed(failure) => machine_advice(failure.as_ref()),
            Self::Consent(error) => match error {
                ConsentError::Denied { .. } => error.advice(),
                ConsentError::UnknownGrant(_) => {
                    Advice::new("See which yes is still live; nothing was changed.")
                        .by(Remedy::SeeGrants)
                }
                ConsentError::Term(_) => {
                    "Agree for 30 days at most, from a clock that is right; nothing was written down."
                        .into()
                }
                ConsentError::Json(_) => {
                    "Agree to fewer bytes, less than 8192TiB; nothing was written down.".into()
                }
                _ => "Nothing was written down. Try again.".into(),
            },
        }
    }
}

impl Blamed for PullError {
    fn blame(&self) -> Blame {
        match self {
            Self::Exhausted { .. } => Blame::Peer,
            Self::Cancelled | Self::Failed(_) => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        IO_FAILED
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed("peers")
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Exhausted { anyone: true, .. } => Advice::new(
                "See to what is said of each peer, and ask them to let you in and to serve the model to \
                 you; then try again: it goes on from the pieces kept.",
            )
            .by(Remedy::WaitForPeers),
            Self::Exhausted { anyone: false, .. } => {
                "Waiting does not help, as none of these peers is called again. Take an offer of \
                 another one; then it goes on from the pieces kept."
                    .into()
            }
            Self::Cancelled => "Try again: it goes on from the pieces kept.".into(),
            Self::Failed(_) => {
                "Check this machine's network, then try again: it goes on from the pieces kept."
                    .into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Blamed as _, PullError, Remedy};

    #[test]
    fn waiting_is_advised_only_where_somebody_may_come() {
        let advice = |anyone| {
            PullError::Exhausted { missing: 1, why: "anna hung up".to_owned(), anyone }.advice()
        };
        assert_eq!(advice(true).remedy(), Some(Remedy::WaitForPeers));
        let alone = advice(false);
        assert_eq!(alone.remedy(), None);
        assert!(alone.text().contains("Take an offer of another one"), "{}", alone.text());
    }
}
