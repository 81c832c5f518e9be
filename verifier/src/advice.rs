//! What a person can do about an error.

use std::borrow::Cow;

/// What to do about an error, in a sentence or two, and what of the program helps.
///
/// An error writes its own, because it alone knows what happened. The text names no command and no
/// button: the same error is shown by programs that have one and programs that have the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    text: Cow<'static, str>,
    remedy: Option<Remedy>,
}

impl Advice {
    /// The sentences alone.
    pub const fn new(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), remedy: None }
    }

    /// The same, with what of the program helps.
    #[must_use]
    pub const fn by(mut self, remedy: Remedy) -> Self {
        self.remedy = Some(remedy);
        self
    }

    /// The same where what of the program helps is not to be had.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.remedy = None;
        self
    }

    /// The sentences.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What of the program helps.
    pub const fn remedy(&self) -> Option<Remedy> {
        self.remedy
    }
}

impl From<&'static str> for Advice {
    fn from(text: &'static str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Advice {
    fn from(text: String) -> Self {
        Self { text: Cow::Owned(text), remedy: None }
    }
}

/// What of the program helps; each program has its own words for how it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Remedy {
    /// Making a request from a manifest and offers.
    MakeRequest,
    /// Having an offer made by whoever serves.
    AskForOffer,
    /// Having a ticket made by whoever wants to pair.
    AskForTicket,
    /// Pairing by a ticket.
    Pair,
    /// Letting a blocked peer call and be called again.
    Unblock,
    /// Lifting the ban of a peer that lied.
    Unban,
    /// Making a list of a file's chunks.
    MakeChunkList,
    /// Leaving out the container's own checksum, whose rule is provisional.
    LeaveChecksumOut,
    /// Seeing what is kept, and preparing a file.
    SeeLibrary,
    /// Forgetting a model, or raising the quota.
    MakeRoom,
    /// Handing out the manifest of a model that is kept, or forgetting that model.
    HandOutManifest,
    /// Taking calls at another address.
    ListenElsewhere,
    /// Using another data folder.
    UseOtherData,
    /// Seeing what was agreed to.
    SeeGrants,
    /// Saying where others call this machine.
    TellAddress,
    /// Waiting for peers that are not there.
    WaitForPeers,
    /// Fetching what is bad or missing of a model.
    Repair,
    /// Naming the peers that a model is repaired from.
    RepairFrom,
}
