//! Ed25519 keys: one pair per installation, separate ones for publishers.

use std::borrow::Cow;
use std::fmt;

use data_encoding::HEXUPPER;
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};

use super::{Context, PeerId, SignatureScheme};
use crate::advice::Advice;
use crate::code::{Code, Coded};

/// RFC 8410: a SubjectPublicKeyInfo for Ed25519, up to the key's own bytes.
const SPKI_PREFIX: [u8; 12] = [0x30, 42, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 0x03, 33, 0];

/// RFC 8410: a version 1 PrivateKeyInfo for Ed25519, up to the seed's own bytes.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 46, 0x02, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 0x04, 34, 0x04, 32];

/// An Ed25519 public key: the canonical encoding of a point that is not of small order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Accepts 32 bytes as a key.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] (`signature.public-key`) if the bytes are no point, another spelling of a
    /// point, or a point of small order, under which one signature would fit many messages.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, IdentityError> {
        let shown = || HEXUPPER.encode(&bytes);
        let key =
            VerifyingKey::from_bytes(&bytes).map_err(|_| IdentityError::NotAPoint(shown()))?;
        if VerifyingKey::from(key.to_edwards()).as_bytes() != &bytes {
            return Err(IdentityError::NotCanonical(shown()));
        }
        if key.is_weak() {
            return Err(IdentityError::SmallOrder(shown()));
        }
        Ok(Self(bytes))
    }

    /// The key's 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id of the peer that holds the key's other half.
    pub const fn peer_id(&self) -> PeerId {
        PeerId::of(*self)
    }

    /// Accepts a signature that was made with the key's other half, for this context and message.
    ///
    /// Strict: the point R is canonical and not of small order, S is below the group's order, and
    /// the equation holds without the cofactor. So a signature has one spelling.
    ///
    /// # Errors
    ///
    /// [`SignatureInvalid`] (`signature.invalid`) for any other signature.
    pub fn verify(
        &self,
        context: Context,
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), SignatureInvalid> {
        let signed = SignatureScheme::Ed25519Ctx.signed_bytes(context, message);
        VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(&signed, &Signature::from_bytes(signature)))
            .map_err(|_| SignatureInvalid)
    }

    /// The key as a SubjectPublicKeyInfo, which a TLS raw public key is (RFC 7250, RFC 8410).
    pub fn to_spki_der(&self) -> [u8; 44] {
        let mut der = [0; 44];
        let (prefix, key) = der.split_at_mut(SPKI_PREFIX.len());
        prefix.copy_from_slice(&SPKI_PREFIX);
        key.copy_from_slice(&self.0);
        der
    }

    /// Reads what [`Self::to_spki_der`] writes, and no other encoding.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Spki`] if the bytes are not that encoding, otherwise as
    /// [`Self::from_bytes`].
    pub fn from_spki_der(der: &[u8]) -> Result<Self, IdentityError> {
        let key = der.strip_prefix(&SPKI_PREFIX).ok_or(IdentityError::Spki(der.len()))?;
        Self::from_bytes(key.try_into().map_err(|_| IdentityError::Spki(der.len()))?)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXUPPER.encode(&self.0))
    }
}

/// The secret half of an Ed25519 key pair; never shown, and wiped from memory when dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Makes the pair that belongs to a seed; every 32 bytes are one.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The seed, for the file that keeps it; nothing else may see it.
    pub fn seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a message for one context.
    pub fn sign(&self, context: Context, message: &[u8]) -> [u8; 64] {
        let signed = SignatureScheme::Ed25519Ctx.signed_bytes(context, message);
        self.0.sign(&signed).to_bytes()
    }

    /// The key as a version 1 PKCS #8 document (RFC 8410), as TLS libraries take it.
    ///
    /// The caller is to hand it over at once: the copy is not wiped from memory.
    pub fn to_pkcs8_der(&self) -> [u8; 48] {
        let mut der = [0; 48];
        let (prefix, seed) = der.split_at_mut(PKCS8_PREFIX.len());
        prefix.copy_from_slice(&PKCS8_PREFIX);
        seed.copy_from_slice(self.seed());
        der
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {:?})", self.public_key())
    }
}

/// Why bytes are no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The bytes do not name a point of the curve.
    #[error("public key is {0}, expected a point of the curve")]
    NotAPoint(String),
    /// The bytes name a point whose one allowed spelling is another.
    #[error("public key is {0}, expected the canonical spelling of its point")]
    NotCanonical(String),
    /// The point is of small order.
    #[error("public key is {0}, expected a point that is not of small order")]
    SmallOrder(String),
    /// The bytes are not an Ed25519 SubjectPublicKeyInfo.
    #[error(
        "public key info has {0} bytes or another prefix, expected the 44 bytes of an Ed25519 one"
    )]
    Spki(usize),
}

impl Coded for IdentityError {
    fn code(&self) -> Code {
        Code::new("signature", "public-key")
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed("signature.public_key")
    }

    fn advice(&self) -> Advice {
        Advice::new("This is no key that anybody signs with. Ask its owner for the document again.")
    }
}

/// A signature that does not verify under the key, context and message given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature does not verify with this key, context and message")]
pub struct SignatureInvalid;

impl Coded for SignatureInvalid {
    fn code(&self) -> Code {
        Code::new("signature", "invalid")
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed("signature.value")
    }

    fn advice(&self) -> Advice {
        Advice::new(
            "Do not trust it: somebody else signed it, or it was changed. Ask its owner for it again.",
        )
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXUPPER;
    use proptest::prelude::*;

    use super::{Context, IdentityError, PublicKey, SignatureInvalid, SigningKey};

    #[test]
    fn the_published_seed_makes_the_published_signature() {
        let key = SigningKey::from_seed([1; 32]);
        let public = key.public_key();
        assert_eq!(
            HEXUPPER.encode(public.as_bytes()),
            "8A88E3DD7409F195FD52DB2D3CBA5D72CA6709BF1D94121BF3748801B40F6F5C"
        );
        let signature = key.sign(Context::Manifest, b"manifest.version=0\n");
        assert_eq!(
            HEXUPPER.encode(&signature),
            "7320C451F08A4EDC67BB96464C67EDB1EDB889ED851154EB7217562E2AA8CA33\
             A752C30B84EC922BA67840233B203DAAFC16CDE29E6C632E11513D360A64CE0F"
        );
        assert_eq!(public.verify(Context::Manifest, b"manifest.version=0\n", &signature), Ok(()));
        assert_eq!(
            public.verify(Context::Receipt, b"manifest.version=0\n", &signature),
            Err(SignatureInvalid)
        );
    }

    #[test]
    fn weak_and_misspelt_keys_are_refused() {
        let mut one = [0; 32];
        one[0] = 1;
        assert!(matches!(PublicKey::from_bytes(one), Err(IdentityError::SmallOrder(_))));
        // y = 1 spelt as p + 1, and x = 0 with the sign bit set
        let mut over = [0xFF; 32];
        over[0] = 0xEE;
        over[31] = 0x7F;
        assert!(matches!(PublicKey::from_bytes(over), Err(IdentityError::NotCanonical(_))));
        let mut minus = one;
        minus[31] = 0x80;
        assert!(PublicKey::from_bytes(minus).is_err());
        let mut two = [0; 32];
        two[0] = 2;
        assert!(matches!(PublicKey::from_bytes(two), Err(IdentityError::NotAPoint(_))));
    }

    #[test]
    fn a_second_spelling_of_s_is_refused() {
        let key = SigningKey::from_seed([3; 32]);
        let mut signature = key.sign(Context::Receipt, b"m");
        let order = HEXUPPER
            .decode(b"EDD3F55C1A631258D69CF7A2DEF9DE1400000000000000000000000000000010")
            .unwrap();
        let mut carry = 0;
        for (byte, add) in signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(
            key.public_key().verify(Context::Receipt, b"m", &signature),
            Err(SignatureInvalid)
        );
    }

    #[test]
    fn a_secret_is_never_in_debug_text() {
        let key = SigningKey::from_seed([0xAB; 32]);
        assert!(!format!("{key:?}").to_uppercase().contains("ABABABAB"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_and_der_reads_back(bytes: [u8; 32], seed: [u8; 32]) {
            if let Ok(key) = PublicKey::from_bytes(bytes) {
                prop_assert_eq!(PublicKey::from_spki_der(&key.to_spki_der()), Ok(key));
            }
            let key = SigningKey::from_seed(seed);
            prop_assert_eq!(PublicKey::from_bytes(*key.public_key().as_bytes()), Ok(key.public_key()));
            prop_assert_eq!(&key.to_pkcs8_der()[16..], &seed);
        }

        #[test]
        fn any_bytes_as_der_return(der in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(PublicKey::from_spki_der(&der).is_err());
        }
    }
}
