//! Tickets: one line of text by which a user proposes a pairing.

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;

use crate::advice::{Advice, Remedy};
use crate::boundary::PeerAddress;
use crate::code::{Code, Coded};
use crate::identity::{Context, PeerId, SigningKey};
use crate::json::{self, JsonError, Object, Value, limits};
use crate::request::offer::read_addresses;
use crate::request::{
    PeerMessages, TermError, check_clock, check_signature, check_window, read_peer_id,
};
use crate::scalars::{Label, SigText, UtcTime};

const KIND: &str = "minimodel.peer-ticket";
const MEMBERS: [&str; 8] = [
    "ticket_version",
    "ticket_kind",
    "peer_id",
    "label",
    "addresses",
    "issued_utc",
    "expires_utc",
    "signature",
];

/// How a ticket is written as text.
#[derive(Debug, Clone, Copy)]
pub struct TicketFormat {
    /// What the text starts with.
    pub prefix: &'static str,
    /// The longest text, in bytes, without blanks around it.
    pub max_bytes: usize,
}

impl TicketFormat {
    /// Version 0: a prefix, then base64url of canonical JSON without padding.
    pub const V0: Self = Self { prefix: "mmticket0:", max_bytes: limits::TICKET };
}

/// An invitation to pair, signed by who sent it and valid now.
///
/// It only proposes: both users must accept, after comparing the pair code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    peer_id: PeerId,
    terms: TicketTerms,
}

/// What a ticket says, apart from who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketTerms {
    /// The name by which the peer goes.
    pub label: Label,
    /// Where the peer is called: 1 to 8, all different.
    pub addresses: Vec<PeerAddress>,
    /// From when on the ticket is valid.
    pub issued: UtcTime,
    /// From when on it is not any more; at most 30 days later.
    pub expires: UtcTime,
}

impl Ticket {
    /// Reads a ticket's text; blanks and line ends around it are ignored.
    ///
    /// # Errors
    ///
    /// [`TicketError`] (`ticket.…`) for the first rule that the text breaks, the clock last.
    pub fn parse(text: &str, now: UtcTime) -> Result<Self, TicketError> {
        let ticket = Self::parse_static(text)?;
        let (issued, expires) = (ticket.terms.issued, ticket.terms.expires);
        check_clock(["issued_utc", "expires_utc"], issued, expires, now)?;
        Ok(ticket)
    }

    fn parse_static(text: &str) -> Result<Self, TicketError> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        if text.len() > TicketFormat::V0.max_bytes {
            return Err(TicketError::TooLarge(text.len()));
        }
        let encoded = text.strip_prefix(TicketFormat::V0.prefix).ok_or(TicketError::Prefix)?;
        if encoded.is_empty() {
            return Err(TicketError::Base64);
        }
        let bytes = BASE64URL_NOPAD.decode(encoded.as_bytes()).map_err(|_| TicketError::Base64)?;
        let value = json::parse(&bytes, limits::TICKET)?;
        if value.canonical().as_bytes() != bytes {
            return Err(TicketError::NotCanonical);
        }
        match value {
            Value::Object(object) => Self::from_object(&object),
            other => Err(JsonError::root_not_an_object(&other).into()),
        }
    }

    fn from_object(object: &Object<'_>) -> Result<Self, TicketError> {
        object.check_head("ticket_version", "ticket_kind", &[KIND])?;
        object.check_members(&MEMBERS)?;
        let peer_id = read_peer_id("peer_id", object.text("peer_id")?)?;
        let label = object.scalar("label", Label::parse)?;
        let addresses = read_addresses::<TicketError>(object)?;
        let issued = object.scalar("issued_utc", UtcTime::parse)?;
        let expires = object.scalar("expires_utc", UtcTime::parse)?;
        let signature = object.scalar("signature", SigText::parse)?;
        check_window("expires_utc", issued, expires, PeerMessages::V0.window)?;
        let signed = object.canonical_without("signature");
        let context = Context::PeerTicket;
        check_signature("signature", peer_id, context, signed.as_bytes(), &signature.0)?;
        Ok(Self { peer_id, terms: TicketTerms { label, addresses, issued, expires } })
    }

    /// Writes a ticket's text in the name of the key's owner.
    ///
    /// # Errors
    ///
    /// [`TicketError`] if the terms break a rule, as [`Self::parse`] would say.
    pub fn sign(terms: &TicketTerms, key: &SigningKey) -> Result<String, TicketError> {
        let peer_id = key.public_key().peer_id().to_string();
        let (issued, expires) = (terms.issued.to_string(), terms.expires.to_string());
        let addresses =
            terms.addresses.iter().map(|address| Value::String(address.as_str())).collect();
        let mut members = vec![
            ("ticket_version", Value::Integer(0)),
            ("ticket_kind", Value::String(KIND)),
            ("peer_id", Value::String(&peer_id)),
            ("label", Value::String(terms.label.as_str())),
            ("addresses", Value::Array(addresses)),
            ("issued_utc", Value::String(&issued)),
            ("expires_utc", Value::String(&expires)),
        ];
        let signed = Object::new(members.clone()).canonical();
        let signature = SigText(key.sign(Context::PeerTicket, signed.as_bytes())).to_string();
        members.push(("signature", Value::String(&signature)));
        let json = Object::new(members).canonical();
        let prefix = TicketFormat::V0.prefix;
        let text = format!("{prefix}{}", BASE64URL_NOPAD.encode(json.as_bytes()));
        Self::parse_static(&text)?;
        Ok(text)
    }

    /// The peer that signed it.
    pub const fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// The name by which the peer goes.
    pub const fn label(&self) -> &Label {
        &self.terms.label
    }

    /// Where the peer is called: 1 to 8, all different.
    pub fn addresses(&self) -> &[PeerAddress] {
        &self.terms.addresses
    }

    /// From when on it is valid.
    pub const fn issued(&self) -> UtcTime {
        self.terms.issued
    }

    /// From when on it is not valid any more.
    pub const fn expires(&self) -> UtcTime {
        self.terms.expires
    }
}

/// What to do about a ticket that is wrong in itself.
const ASK_AGAIN: Advice = Advice::new(
    "Copy the whole ticket again, one line that starts with mmticket0:, or ask the other side for a \
     new one.",
)
.by(Remedy::AskForTicket);

/// Why a ticket is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// The text is too long.
    #[error("ticket has {0} bytes, expected at most {max}", max = TicketFormat::V0.max_bytes)]
    TooLarge(usize),
    /// The text is no ticket.
    #[error("ticket does not begin with `{}`", TicketFormat::V0.prefix)]
    Prefix,
    /// What follows the prefix is not base64url in its one spelling.
    #[error("ticket is not base64url without padding behind `{}`", TicketFormat::V0.prefix)]
    Base64,
    /// The JSON in it has another spelling.
    #[error("ticket's JSON is not canonical: expected members sorted by name and no white space")]
    NotCanonical,
    /// It is not the JSON object that a ticket is.
    #[error("text is no ticket, or a part of one: {0}")]
    Json(#[from] JsonError),
    /// One of its terms breaks a rule.
    #[error(transparent)]
    Term(#[from] TermError),
}

impl Coded for TicketError {
    fn code(&self) -> Code {
        let suffix = match self {
            Self::TooLarge(_) => "too-large",
            Self::Prefix => "prefix",
            Self::Base64 => "base64",
            Self::NotCanonical => "not-canonical",
            Self::Json(error) => return error.code("ticket"),
            Self::Term(error) => return error.code("ticket"),
        };
        Code::new("ticket", suffix)
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Json(error) => error.field(),
            Self::Term(error) => error.field(),
            _ => "-",
        })
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Term(error) => error.advice(ASK_AGAIN),
            _ => ASK_AGAIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Ticket, TicketError, TicketTerms};
    use crate::boundary::PeerAddress;
    use crate::identity::SigningKey;
    use crate::scalars::{Label, UtcTime};

    fn terms() -> TicketTerms {
        TicketTerms {
            label: Label::parse("Anna laptop").unwrap(),
            addresses: vec![PeerAddress::parse("mmp://[fe80::1]:9410").unwrap()],
            issued: UtcTime::from_unix(1_000),
            expires: UtcTime::from_unix(2_000),
        }
    }

    #[test]
    fn what_is_signed_is_read_back() {
        let key = SigningKey::from_seed([1; 32]);
        let text = Ticket::sign(&terms(), &key).unwrap();
        let ticket = Ticket::parse(&format!(" \t{text}\r\n"), UtcTime::from_unix(1_000)).unwrap();
        assert_eq!(ticket.peer_id(), key.public_key().peer_id());
        assert_eq!(ticket.terms, terms());
        assert!(Ticket::parse(&text, UtcTime::from_unix(2_000)).is_err());
        assert_eq!(
            Ticket::parse(&text, UtcTime::from_unix(2_000)).unwrap_err().to_string(),
            "value of `expires_utc` does not fit: valid until 1970-01-01T00:33:20Z, but it is \
             1970-01-01T00:33:20Z"
        );
        let padded = format!("{text}=");
        assert_eq!(Ticket::parse(&padded, UtcTime::from_unix(1_000)), Err(TicketError::Base64));
    }

    proptest! {
        #[test]
        fn any_text_returns(text in "(mmticket0:)?[A-Za-z0-9_é-]{0,60}") {
            prop_assert!(Ticket::parse(&text, UtcTime::from_unix(0)).is_err());
        }

        #[test]
        fn a_changed_character_is_always_found(at in 10_usize..600, symbol in "[A-Za-z0-9_-]") {
            let text = Ticket::sign(&terms(), &SigningKey::from_seed([1; 32])).unwrap();
            let at = 10 + (at - 10) % (text.len() - 10);
            let changed = format!("{}{symbol}{}", &text[..at], &text[at + 1..]);
            prop_assume!(changed != text);
            prop_assert!(Ticket::parse(&changed, UtcTime::from_unix(1_500)).is_err());
        }
    }
}
