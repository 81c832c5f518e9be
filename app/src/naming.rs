//! How digests and peer ids are shortened for people.

use verifier::Sha256;
use verifier::identity::PeerId;

/// The first digits of a digest.
pub fn short(digest: Sha256) -> String {
    digest.to_string().chars().take("sha256:".len() + 12).collect()
}

/// The end of a peer id.
pub fn short_peer(peer: PeerId) -> String {
    format!("mmpeer1…{}", tail(peer, 6))
}

/// Names in a row, as people say them: `anna, ben and cem`; of many, how many others there are.
pub fn people<T: AsRef<str>>(names: &[T]) -> String {
    /// So many are named one by one.
    const MOST: usize = 4;

    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= MOST => format!("{} and {last}", first.join(", ")),
        _ => {
            let (first, rest) = names.split_at(MOST - 1);
            format!("{} and {} others", first.join(", "), rest.len())
        }
    }
}

/// The last characters of a peer id.
pub(crate) fn tail(peer: PeerId, count: usize) -> String {
    let text = peer.to_string();
    text.chars().skip(text.chars().count().saturating_sub(count)).collect()
}

#[cfg(test)]
mod tests {
    use super::people;

    #[test]
    fn names_are_said_in_a_row() {
        for (names, said) in [
            (&[][..], "nobody"),
            (&["anna"], "anna"),
            (&["anna", "ben"], "anna and ben"),
            (&["a", "b", "c", "d"], "a, b, c and d"),
            (&["a", "b", "c", "d", "e"], "a, b, c and 2 others"),
        ] {
            assert_eq!(people(names), said);
        }
    }
}
