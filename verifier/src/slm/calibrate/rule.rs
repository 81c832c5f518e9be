//! The rules that a checksum may have been made by.

use std::fmt;
use std::ops::RangeInclusive;

/// How a byte `b` and its index `i` are mixed into the state `h`; sums are modulo 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mix {
    /// `h^b^i`, which the provisional profile has.
    XorXor,
    /// `(h^b)+i`.
    XorThenAdd,
    /// `(h+b)^i`.
    AddThenXor,
    /// `h+b+i`.
    AddAdd,
    /// `h^(b+i)`.
    XorSum,
    /// `h+(b^i)`.
    AddXor,
    /// `h^(b·2^56)^i`.
    XorHighByte,
    /// `h^b^(i mod 256)`.
    XorLowIndex,
}

impl Mix {
    /// All of them, in the order of docs/formats.md 5.7.
    pub const ALL: [Self; 8] = [
        Self::XorXor,
        Self::XorThenAdd,
        Self::AddThenXor,
        Self::AddAdd,
        Self::XorSum,
        Self::AddXor,
        Self::XorHighByte,
        Self::XorLowIndex,
    ];

    /// The formula, as docs/formats.md 5.7 writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::XorXor => "h^b^i",
            Self::XorThenAdd => "(h^b)+i",
            Self::AddThenXor => "(h+b)^i",
            Self::AddAdd => "h+b+i",
            Self::XorSum => "h^(b+i)",
            Self::AddXor => "h+(b^i)",
            Self::XorHighByte => "h^(b·2^56)^i",
            Self::XorLowIndex => "h^b^(i mod 256)",
        }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In which order a byte's three steps are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Mix, rotate, multiply, as the provisional profile does.
    MixRotateMultiply,
    /// Mix, multiply, rotate.
    MixMultiplyRotate,
    /// Rotate, mix, multiply.
    RotateMixMultiply,
    /// Rotate, multiply, mix.
    RotateMultiplyMix,
    /// Multiply, mix, rotate.
    MultiplyMixRotate,
    /// Multiply, rotate, mix.
    MultiplyRotateMix,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::MixRotateMultiply,
        Self::MixMultiplyRotate,
        Self::RotateMixMultiply,
        Self::RotateMultiplyMix,
        Self::MultiplyMixRotate,
        Self::MultiplyRotateMix,
    ];

    /// The three steps, joined by hyphens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MixRotateMultiply => "mix-rotate-multiply",
            Self::MixMultiplyRotate => "mix-multiply-rotate",
            Self::RotateMixMultiply => "rotate-mix-multiply",
            Self::RotateMultiplyMix => "rotate-multiply-mix",
            Self::MultiplyMixRotate => "multiply-mix-rotate",
            Self::MultiplyRotateMix => "multiply-rotate-mix",
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the bytes count in which the checksum itself is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// As zeros.
    Zeros,
    /// Not at all; the bytes behind them keep their indices.
    Skipped,
}

impl Window {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Zeros, Self::Skipped];

    /// What stands for it in text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zeros => "as zeros",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything about a checksum but its start constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Rule {
    /// How byte and index are mixed in.
    pub mix: Mix,
    /// By how many bits the state is rotated to the left, one of [`Self::ROTATIONS`].
    pub rotation: u32,
    /// The order of the steps.
    pub order: Order,
    /// How bytes 100 to 107 count.
    pub window: Window,
}

impl Rule {
    /// The rotations that are tried.
    pub const ROTATIONS: RangeInclusive<u32> = 1..=63;

    /// How many rules there are.
    pub const COUNT: u32 = 8 * 63 * 6 * 2;

    /// The rule of the profile `minimodel-provisional-1` (docs/formats.md 5.6).
    pub const PROVISIONAL: Self = Self {
        mix: Mix::XorXor,
        rotation: 5,
        order: Order::MixRotateMultiply,
        window: Window::Zeros,
    };
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mix, rotation, order, window } = self;
        write!(f, "mix {mix}, rotation {rotation} left, order {order}, bytes 100 to 107 {window}")
    }
}
