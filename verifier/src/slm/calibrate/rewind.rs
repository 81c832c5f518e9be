//! Rules run backwards, several rotations at once.

use crate::slm::calibrate::rule::{Mix, Order, Rule, Window};
use crate::slm::header::{CHECKSUM_OFFSET, HEADER_LEN};

/// How many rules with neighbouring rotations run side by side.
///
/// One step of one rule waits for the step before; this many fill the gaps, and 63 is a multiple
/// of it.
const LANES: u8 = 7;

/// What may stand for the checksum's own bytes, the last ones of the header.
const ZEROS: [u8; 8] = [0; 8];

/// The FNV prime.
const PRIME: u64 = 0x0000_0100_0000_01B3;
const INVERSE: u64 = inverse(PRIME);

/// The rules that share all but the rotation, which is one of seven, and the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bundle {
    mix: Mix,
    order: Order,
    first_rotation: u32,
}

/// The start constants that a bundle's rules imply, by window and rotation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Starts([Lanes; 2]);

type Lanes = [u64; LANES as usize];

impl Bundle {
    /// Every rule is in exactly one of them.
    pub(super) fn all() -> Vec<Self> {
        let mut bundles = Vec::new();
        for mix in Mix::ALL {
            for order in Order::ALL {
                for first_rotation in Rule::ROTATIONS.step_by(LANES.into()) {
                    bundles.push(Self { mix, order, first_rotation });
                }
            }
        }
        bundles
    }

    /// The bundle that the rule is in.
    pub(super) const fn of(rule: &Rule) -> Self {
        let Rule { mix, rotation, order, .. } = *rule;
        let lane = rotation.saturating_sub(1) % LANES as u32;
        Self { mix, order, first_rotation: rotation.saturating_sub(lane) }
    }

    /// Runs the rules backwards from `checksum` over `bytes`, which hold a header at least.
    pub(super) fn rewind(self, checksum: u64, bytes: &[u8]) -> Starts {
        let (head, tail) = bytes.split_at(HEADER_LEN.min(bytes.len()));
        let (head, _) = head.split_at(head.len().saturating_sub(ZEROS.len()));

        // A step is what comes before mixing, mixing, and what comes after. Seen from just before
        // mixing, each step is mixing and then all the rest, which leaves two loops for six
        // orders; the end and the start are carried there and back.
        let mut skipped = self.each([checksum; LANES as usize], before);
        self.unmix_all(&mut skipped, tail, HEADER_LEN as u64);
        let mut zeros = skipped;
        self.unmix_all(&mut zeros, &ZEROS, CHECKSUM_OFFSET);
        Starts([zeros, skipped].map(|mut lanes| {
            self.unmix_all(&mut lanes, head, 0);
            self.each(lanes, undo_before)
        }))
    }

    /// The rules with what each implied.
    pub(super) fn rules(self, starts: Starts) -> impl Iterator<Item = (Rule, u64)> {
        let Self { mix, order, first_rotation } = self;
        Window::ALL.into_iter().zip(starts.0).flat_map(move |(window, lanes)| {
            (first_rotation..)
                .zip(lanes)
                .map(move |(rotation, start)| (Rule { mix, rotation, order, window }, start))
        })
    }

    fn each(self, mut lanes: Lanes, change: impl Fn(Order, u64, u32) -> u64) -> Lanes {
        for (state, rotation) in lanes.iter_mut().zip(self.first_rotation..) {
            *state = change(self.order, *state, rotation);
        }
        lanes
    }

    /// Undoes the steps of `bytes`, the first of which has the index `first`.
    fn unmix_all(self, lanes: &mut Lanes, bytes: &[u8], first: u64) {
        match self.mix {
            Mix::XorXor => self.run(lanes, bytes, first, |h, b, i| h ^ (b ^ i)),
            Mix::XorThenAdd => self.run(lanes, bytes, first, |h, b, i| h.wrapping_sub(i) ^ b),
            Mix::AddThenXor => self.run(lanes, bytes, first, |h, b, i| (h ^ i).wrapping_sub(b)),
            Mix::AddAdd => self.run(lanes, bytes, first, |h, b, i| h.wrapping_sub(b + i)),
            Mix::XorSum => self.run(lanes, bytes, first, |h, b, i| h ^ (b + i)),
            Mix::AddXor => self.run(lanes, bytes, first, |h, b, i| h.wrapping_sub(b ^ i)),
            Mix::XorHighByte => self.run(lanes, bytes, first, |h, b, i| h ^ ((b << 56) ^ i)),
            Mix::XorLowIndex => self.run(lanes, bytes, first, |h, b, i| h ^ (b ^ (i & 255))),
        }
    }

    fn run(
        self,
        lanes: &mut Lanes,
        bytes: &[u8],
        first: u64,
        unmix: impl Fn(u64, u64, u64) -> u64,
    ) {
        match self.order {
            Order::MixRotateMultiply | Order::RotateMultiplyMix | Order::MultiplyMixRotate => {
                self.run_lanes(lanes, bytes, first, |h, rotation, b, i| {
                    unmix(h.wrapping_mul(INVERSE).rotate_right(rotation), b, i)
                });
            }
            Order::MixMultiplyRotate | Order::MultiplyRotateMix | Order::RotateMixMultiply => {
                self.run_lanes(lanes, bytes, first, |h, rotation, b, i| {
                    unmix(h.rotate_right(rotation).wrapping_mul(INVERSE), b, i)
                });
            }
        }
    }

    fn run_lanes(
        self,
        lanes: &mut Lanes,
        bytes: &[u8],
        first: u64,
        undo: impl Fn(u64, u32, u64, u64) -> u64,
    ) {
        // A rotation that is known when this is compiled costs a third of one that is not.
        match self.first_rotation {
            1 => run_from::<1>(lanes, bytes, first, undo),
            8 => run_from::<8>(lanes, bytes, first, undo),
            15 => run_from::<15>(lanes, bytes, first, undo),
            22 => run_from::<22>(lanes, bytes, first, undo),
            29 => run_from::<29>(lanes, bytes, first, undo),
            36 => run_from::<36>(lanes, bytes, first, undo),
            43 => run_from::<43>(lanes, bytes, first, undo),
            50 => run_from::<50>(lanes, bytes, first, undo),
            _ => run_from::<57>(lanes, bytes, first, undo),
        }
    }
}

fn run_from<const ROTATION: u32>(
    lanes: &mut Lanes,
    bytes: &[u8],
    first: u64,
    undo: impl Fn(u64, u32, u64, u64) -> u64,
) {
    let mut states = *lanes;
    let mut index = first + bytes.len() as u64;
    for byte in bytes.iter().rev() {
        index -= 1;
        for (state, rotation) in states.iter_mut().zip(ROTATION..) {
            *state = undo(*state, rotation, u64::from(*byte), index);
        }
    }
    *lanes = states;
}

/// Makes the steps that come before mixing.
const fn before(order: Order, state: u64, rotation: u32) -> u64 {
    match order {
        Order::MixRotateMultiply | Order::MixMultiplyRotate => state,
        Order::RotateMixMultiply => state.rotate_left(rotation),
        Order::RotateMultiplyMix => state.rotate_left(rotation).wrapping_mul(PRIME),
        Order::MultiplyMixRotate => state.wrapping_mul(PRIME),
        Order::MultiplyRotateMix => state.wrapping_mul(PRIME).rotate_left(rotation),
    }
}

const fn undo_before(order: Order, state: u64, rotation: u32) -> u64 {
    match order {
        Order::MixRotateMultiply | Order::MixMultiplyRotate => state,
        Order::RotateMixMultiply => state.rotate_right(rotation),
        Order::RotateMultiplyMix => state.wrapping_mul(INVERSE).rotate_right(rotation),
        Order::MultiplyMixRotate => state.wrapping_mul(INVERSE),
        Order::MultiplyRotateMix => state.rotate_right(rotation).wrapping_mul(INVERSE),
    }
}

/// The number that an odd one becomes 1 with, modulo 2^64, by Newton's method.
const fn inverse(odd: u64) -> u64 {
    // Right in three bits at first, and in twice as many after each step.
    let mut inverse = odd;
    let mut bits = 3;
    while bits < 64 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse
}
