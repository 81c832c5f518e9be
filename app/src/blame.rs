//! Who has to act when a use case ends in an error.

use std::borrow::Cow;

use verifier::{Code, Coded};

use crate::ports::{Failure, JournalError, OutputError, PullError, ReserveError};

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

    /// What a person can do about it, as one sentence.
    fn advice(&self) -> Cow<'static, str>;
}

/// The code of a machine's failure.
pub const IO_FAILED: Code = Code::new("io", "failed");

/// The code of an act without a live grant.
pub const CONSENT_DENIED: Code = Code::new("consent", "denied");

/// Whether a failure is, at its root, a full disk.
pub fn is_full_disk(failure: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(failure), |error| error.source()).any(|error| {
        error.downcast_ref::<std::io::Error>().is_some_and(|io| {
            matches!(io.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
        })
    })
}

/// What to do about a failure of this machine.
pub fn machine_advice(failure: &Failure) -> Cow<'static, str> {
    let error: &(dyn std::error::Error + 'static) = failure.as_ref();
    Cow::Borrowed(if is_full_disk(error) {
        "Free some space on that disk and try again: what is kept stays kept."
    } else {
        "Check that the data folder is there and can be written, then try again."
    })
}

impl Blamed for OutputError {
    fn blame(&self) -> Blame {
        Blame::Machine
    }

    fn code(&self) -> Code {
        match self {
            Self::Exists(_) => Code::new("output", "exists"),
            Self::Unsafe(_) => Code::new("output", "unsafe"),
            Self::Failed { .. } => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Exists(path) | Self::Unsafe(path) | Self::Failed { folder: path, .. } => {
                path.to_string_lossy()
            }
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::Exists(_) => "Move that file away or choose another folder.".into(),
            Self::Unsafe(_) => "Name an existing folder, not a link to one.".into(),
            Self::Failed { source, .. } => machine_advice(source),
        }
    }
}

impl Blamed for ReserveError {
    fn blame(&self) -> Blame {
        Blame::Machine
    }

    fn code(&self) -> Code {
        IO_FAILED
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Quota { .. } => "quota",
            Self::Device { .. } => "device",
            Self::Busy | Self::Failed(_) => "store",
        })
    }

    fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::Quota { .. } => "Forget a model, or raise the quota.".into(),
            Self::Device { .. } => "Free some space on that disk and try again.".into(),
            Self::Busy => "Wait until that import has ended.".into(),
            Self::Failed(failure) => machine_advice(failure),
        }
    }
}

impl Blamed for JournalError {
    fn blame(&self) -> Blame {
        match self {
            Self::Consent(_) => Blame::Refused,
            Self::Failed(_) => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Consent(error) => error.code(),
            Self::Failed(_) => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Consent(error) => error.field(),
            Self::Failed(_) => Cow::Borrowed("consent.log"),
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::Consent(error) if error.code() == CONSENT_DENIED => {
                "Try again and say yes, if you want this to happen.".into()
            }
            Self::Consent(_) => {
                "The consent log was changed by something else: move consent.log out \
                                 of the data folder to start a new one."
                    .into()
            }
            Self::Failed(failure) => machine_advice(failure),
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

    fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::Exhausted { .. } => "Ask your peers to serve the model, then try again: it \
                 goes on from the pieces kept."
                .into(),
            Self::Cancelled => "Try again: it goes on from the pieces kept.".into(),
            Self::Failed(_) => "Check this machine's network, then try again.".into(),
        }
    }
}
