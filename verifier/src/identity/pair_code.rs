//! The code that two users read to each other when they pair.

use super::{Context, PeerIdFormat, PublicKey};
use crate::digest::Sha256Stream;

/// The 24 digits (docs/formats.md 8.4) both users compare, in six groups of four; the order of the
/// keys is no matter.
pub fn pair_code(a: &PublicKey, b: &PublicKey) -> String {
    let mut hash = Sha256Stream::default();
    hash.update(Context::PairCode.as_str().as_bytes());
    hash.update(&[0]);
    hash.update(a.min(b).as_bytes());
    hash.update(a.max(b).as_bytes());
    let digest = hash.finish();
    let number =
        digest.as_bytes().iter().take(16).fold(0, |sum: u128, byte| sum << 8 | u128::from(*byte));
    let code = number % 10_u128.pow(PeerIdFormat::PAIR_CODE_DIGITS);
    let mut text = String::new();
    for group in (0..PeerIdFormat::PAIR_CODE_DIGITS / 4).rev() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&format!("{:04}", code / 10_u128.pow(4 * group) % 10_000));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::pair_code;
    use crate::identity::SigningKey;

    #[test]
    fn both_sides_see_the_published_code() {
        let a = SigningKey::from_seed([1; 32]).public_key();
        let b = SigningKey::from_seed([2; 32]).public_key();
        assert_eq!(pair_code(&a, &b), "1038 4467 8481 9370 9495 0329");
        assert_eq!(pair_code(&b, &a), pair_code(&a, &b));
    }
}
