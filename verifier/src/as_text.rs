//! Values in any format of serde, each as the one text that it has.

use std::borrow::Cow;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Sha256;
use crate::boundary::PeerAddress;
use crate::consent::{Act, Scope};
use crate::identity::PeerId;
use crate::scalars::{Id, Label, UtcTime, Version};

macro_rules! as_text {
    ($($type:ty, $what:literal, $read:expr;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'_, str>::deserialize(deserializer)?;
                let read: Option<Self> = $read(&text);
                read.ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &$what))
            }
        }
    )*};
}

as_text! {
    Act, "an act", Act::parse;
    Id, "an id", |text| Id::parse(text).ok();
    Label, "a label", |text| Label::parse(text).ok();
    PeerAddress, "a peer's address", |text| PeerAddress::parse(text).ok();
    PeerId, "a peer id", |text| PeerId::parse(text).ok();
    Scope, "a peer id, any-paired or none", |text| Scope::parse(text).ok();
    Sha256, "a digest by SHA-256", Sha256::parse;
    UtcTime, "a time by UTC", |text| UtcTime::parse(text).ok();
    Version, "a version", |text| Version::parse(text).ok();
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use crate::Remedy;
    use crate::Sha256;
    use crate::boundary::PeerAddress;
    use crate::consent::{Act, Scope};
    use crate::identity::SigningKey;
    use crate::scalars::{Id, Label, UtcTime, Version};

    fn is_its_text<T: Serialize + DeserializeOwned + PartialEq>(value: &T, text: &str) {
        let json = format!("\"{text}\"");
        assert_eq!(serde_json::to_string(value).unwrap(), json);
        assert!(serde_json::from_str::<T>(&json).unwrap() == *value, "{text}");
        for wrong in [format!("\" {text}\""), "\"\"".to_owned(), "7".to_owned()] {
            assert!(serde_json::from_str::<T>(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_value_is_its_text_and_no_other_text_is_read() {
        let peer = SigningKey::from_seed([1; 32]).public_key().peer_id();
        let digest = Sha256::of(b"tiny");
        is_its_text(&Act::Fetch, "fetch");
        is_its_text(&Id::parse("tiny").unwrap(), "tiny");
        is_its_text(&Label::parse("anna").unwrap(), "anna");
        let address = "mmp://192.168.1.20:9410";
        is_its_text(&PeerAddress::parse(address).unwrap(), address);
        is_its_text(&peer, &peer.to_string());
        is_its_text(&Scope::AnyPaired, "any-paired");
        is_its_text(&Scope::Peer(peer), &peer.to_string());
        is_its_text(&digest, &digest.to_string());
        is_its_text(&UtcTime::from_unix(0), "1970-01-01T00:00:00Z");
        is_its_text(&Version::parse("1.0").unwrap(), "1.0");
        is_its_text(&Remedy::AskForOffer, "ask-for-offer");
    }
}
