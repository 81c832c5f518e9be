//! Many messages side by side: each register has the same word of every message.
//!
//! What is inlined has to have the same target features, which closures and what is called with them
//! have not: hence the loops.

pub(crate) mod avx2;
pub(crate) mod avx512;

/// Writes `compress` for one kind of register, of what is in the same file: `rows` turns blocks into
/// registers; the rest are the functions of FIPS 180-4, section 4.1.2.
macro_rules! compress {
    ($register:ty, $lanes:literal, $features:literal) => {
        /// Takes each message's state over the first `count` of its blocks. A message with fewer
        /// gets a state that means nothing.
        #[target_feature(enable = $features)]
        pub(crate) fn compress(
            states: &mut [[u32; $lanes]; 8],
            blocks: &[&[$crate::Block]; $lanes],
            count: usize,
        ) {
            let mut state: [$register; 8] = bytemuck::cast(*states);
            let [first, more @ ..] = &$crate::constants::ROUNDS;
            for at in 0..count {
                let before = state;
                let mut row = [&[0; 64]; $lanes];
                for (block, blocks) in row.iter_mut().zip(blocks) {
                    *block = blocks.get(at).unwrap_or(&[0; 64]);
                }
                let mut words = rows(row);
                rounds::<false>(&mut state, &mut words, first);
                for constants in more {
                    rounds::<true>(&mut state, &mut words, constants);
                }
                for (word, before) in state.iter_mut().zip(before) {
                    *word = add(*word, before);
                }
            }
            *states = bytemuck::cast(state);
        }

        /// Sixteen rounds. The words of the block are used up by the first sixteen; the others make
        /// new ones in their place.
        #[inline]
        #[target_feature(enable = $features)]
        fn rounds<const MORE: bool>(
            state: &mut [$register; 8],
            words: &mut [$register; 16],
            constants: &[u32; 16],
        ) {
            round::<0, MORE>(state, words, constants[0]);
            round::<1, MORE>(state, words, constants[1]);
            round::<2, MORE>(state, words, constants[2]);
            round::<3, MORE>(state, words, constants[3]);
            round::<4, MORE>(state, words, constants[4]);
            round::<5, MORE>(state, words, constants[5]);
            round::<6, MORE>(state, words, constants[6]);
            round::<7, MORE>(state, words, constants[7]);
            round::<8, MORE>(state, words, constants[8]);
            round::<9, MORE>(state, words, constants[9]);
            round::<10, MORE>(state, words, constants[10]);
            round::<11, MORE>(state, words, constants[11]);
            round::<12, MORE>(state, words, constants[12]);
            round::<13, MORE>(state, words, constants[13]);
            round::<14, MORE>(state, words, constants[14]);
            round::<15, MORE>(state, words, constants[15]);
        }

        /// The round `AT` of sixteen. The state turns by one place a round, so that nothing moves.
        #[inline]
        #[target_feature(enable = $features)]
        fn round<const AT: usize, const MORE: bool>(
            state: &mut [$register; 8],
            words: &mut [$register; 16],
            constant: u32,
        ) {
            if MORE {
                let small = [small0(words[(AT + 1) % 16]), small1(words[(AT + 14) % 16])];
                words[AT] = add(add(words[AT], small[0]), add(words[(AT + 9) % 16], small[1]));
            }
            let [a, b] = [state[(16 - AT) % 8], state[(17 - AT) % 8]];
            let [c, d] = [state[(18 - AT) % 8], state[(19 - AT) % 8]];
            let [e, f] = [state[(20 - AT) % 8], state[(21 - AT) % 8]];
            let [g, h] = [state[(22 - AT) % 8], state[(23 - AT) % 8]];
            let word = add(words[AT], splat(constant));
            let sum = add(add(h, word), add(large1(e), choose(e, f, g)));
            state[(19 - AT) % 8] = add(d, sum);
            state[(23 - AT) % 8] = add(sum, add(large0(a), majority(a, b, c)));
        }
    };
}
pub(crate) use compress;
