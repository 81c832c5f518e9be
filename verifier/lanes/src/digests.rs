//! Messages of any lengths, cut into steps in which several go the same number of blocks.

use crate::constants::START;
use crate::{Block, State, Way};

/// The SHA-256 digests of the messages, in their order, in the best way this processor has.
///
/// Takes some 200 bytes of memory a message, beside them.
pub fn digests<'a>(messages: impl IntoIterator<Item = &'a [u8]>) -> Vec<[u8; 32]> {
    Way::best().digests(messages)
}

impl Way {
    /// The SHA-256 digests of the messages, in their order, in this way.
    pub fn digests<'a>(self, messages: impl IntoIterator<Item = &'a [u8]>) -> Vec<[u8; 32]> {
        let (whole, ends): (Vec<&[Block]>, Vec<End>) = messages
            .into_iter()
            .map(|message| {
                let (blocks, rest) = message.as_chunks();
                (blocks, End::new(rest, message.len() as u64))
            })
            .unzip();
        let mut states = vec![START; whole.len()];
        self.over(&mut states, whole);
        self.over(&mut states, ends.iter().map(End::blocks));
        states.into_iter().map(bytes).collect()
    }

    /// Takes each state over its blocks.
    pub(crate) fn over<'s, 'b>(
        self,
        states: impl IntoIterator<Item = &'s mut State>,
        blocks: impl IntoIterator<Item = &'b [Block]>,
    ) {
        let mut lanes: Vec<_> = states
            .into_iter()
            .zip(blocks)
            .filter(|(_, blocks)| !blocks.is_empty())
            .map(|(state, blocks)| Lane { state, blocks })
            .collect();
        while !lanes.is_empty() {
            let first = lanes.len().saturating_sub(self.at_once(lanes.len()));
            let (_, group) = lanes.split_at_mut(first);
            let count = group.iter().map(|lane| lane.blocks.len()).min().unwrap_or(0);
            self.step(group, count);
            // Of those behind `first` one at least is done, and the others go on beside new ones.
            for at in (first..lanes.len()).rev() {
                if let Some(lane) = lanes.get_mut(at) {
                    lane.blocks = lane.blocks.get(count..).unwrap_or_default();
                    if lane.blocks.is_empty() {
                        lanes.swap_remove(at);
                    }
                }
            }
        }
    }
}

/// A message in flight.
pub(crate) struct Lane<'s, 'b> {
    pub(crate) state: &'s mut State,
    /// What is left of its blocks.
    pub(crate) blocks: &'b [Block],
}

/// The end of a message, filled up to one or two blocks (FIPS 180-4, section 5.1.1).
pub(crate) struct End {
    blocks: [Block; 2],
    is_long: bool,
}

impl End {
    pub(crate) fn new(rest: &[u8], length: u64) -> Self {
        let mut bytes = [0; 128];
        let is_long = rest.len() >= 56;
        let bits = length.wrapping_mul(8).to_be_bytes();
        let end = if is_long { 128 } else { 64 };
        let filled = rest.iter().chain(&[0x80]);
        bytes.iter_mut().zip(filled).for_each(|(to, from)| *to = *from);
        bytes.iter_mut().take(end).rev().zip(bits.iter().rev()).for_each(|(to, from)| *to = *from);
        let mut blocks = [[0; 64]; 2];
        blocks.as_flattened_mut().copy_from_slice(&bytes);
        Self { blocks, is_long }
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        if self.is_long { &self.blocks } else { self.blocks.get(..1).unwrap_or_default() }
    }
}

pub(crate) fn bytes(state: State) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.as_chunks_mut().0.iter_mut().zip(state).for_each(|(to, word)| *to = word.to_be_bytes());
    digest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    use crate::Way;

    /// Where a block ends, where its padding has no room any more, and some way beyond.
    const LENGTHS: [usize; 19] =
        [0, 1, 3, 31, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1_000, 1_024, 4_096, 8_191];

    /// Bytes in which no two parts are alike.
    fn text(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .take(length)
        .collect()
    }

    fn check(messages: &[&[u8]]) {
        let wanted: Vec<[u8; 32]> =
            messages.iter().map(|message| Sha256::digest(message).into()).collect();
        for way in Way::all() {
            let found = way.digests(messages.iter().copied());
            let lengths = || messages.iter().map(|message| message.len()).collect::<Vec<_>>();
            assert_eq!(found, wanted, "{way}, messages of {:?} bytes", lengths());
        }
    }

    #[test]
    fn every_way_gives_the_digests_of_any_number_of_equal_messages() {
        let text = text(9_000);
        for length in LENGTHS {
            for count in 0..=35 {
                // Each begins somewhere else, so that none is alike and few are aligned.
                let messages: Vec<_> = (0..count).map(|lane| &text[lane * 7..][..length]).collect();
                check(&messages);
            }
        }
    }

    #[test]
    fn every_way_gives_the_digests_of_messages_of_all_lengths_together() {
        let text = text(9_000);
        for turn in 0..LENGTHS.len() {
            let lengths = LENGTHS.iter().cycle().skip(turn);
            for count in [2, 3, 5, 15, 16, 17, 19, 40] {
                let messages: Vec<_> = lengths
                    .clone()
                    .take(count)
                    .enumerate()
                    .map(|(at, length)| &text[at..][..*length])
                    .collect();
                check(&messages);
            }
        }
    }

    #[test]
    fn one_way_is_always_there_and_the_best_is_one_of_all() {
        let names: Vec<_> = Way::all().iter().map(Way::to_string).collect();
        assert!(names.contains(&"one at a time".to_owned()), "{names:?}");
        assert!(names.contains(&Way::best().to_string()), "{names:?}");
    }

    proptest! {
        #[test]
        fn any_messages_have_the_digests_of_sha2(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..40)
        ) {
            check(&messages.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }
}
