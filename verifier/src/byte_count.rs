//! How many bytes, as people read it.

use std::fmt;

/// A number of bytes, written in the largest unit that it fills: `1 byte`, `1.5 KiB`, `16.36 MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteCount(pub u64);

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, bytes) in [("TiB", 1_u64 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20)] {
            if self.0 >= bytes {
                let hundredths = u128::from(self.0) * 100 / u128::from(bytes);
                return write!(f, "{}.{:02} {unit}", hundredths / 100, hundredths % 100);
            }
        }
        match self.0 {
            1 => f.write_str("1 byte"),
            bytes if bytes >= 1 << 10 => {
                write!(f, "{}.{} KiB", bytes >> 10, (bytes & 1023) * 10 / 1024)
            }
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}
