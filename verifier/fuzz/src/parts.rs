//! Several files in one input.

/// What stands between two parts.
const BETWEEN: &[u8] = b"\xFF<part>\xFF";

/// Puts parts into one input.
pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(BETWEEN)
}

/// Takes the next part off an input; empty at its end.
pub fn split<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut rest = data;
    std::array::from_fn(|_| {
        let at = rest.windows(BETWEEN.len()).position(|part| part == BETWEEN);
        let (part, after) = match at {
            Some(at) => (&rest[..at], &rest[at + BETWEEN.len()..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        part
    })
}
